// A FUSE server for tests: slow, hanging or failing where it is told to be, and it says which thread asked for what.
//
// file-server MOUNT-POINT. Every name is a file, which is made when it is first looked up: SIZE bytes that follow from the name
// and the offset. What follows the last dot of a name says more: `.direct` is opened with direct_io, `.twin` has the inode number
// of all others of that kind, `.fresh` loses its page cache at each open. A name that begins with `=` is no file: its lookup is a
// mark in the log.
//
// A line of standard input is a command, each of which is answered by a line of JSON:
//   timeouts ENTRY ATTRIBUTES                               milliseconds that the kernel may keep them; 0 for never
//   rule OPERATION FILE DELAY HOLD ERROR RATE SEED FROM TO  replaces the rule of that operation: for this file, or `*`, and the
//       bytes that lie within FROM and TO where it has bytes. DELAY is in milliseconds; HOLD 1 holds requests back until the
//       next rule of that operation; ERROR is an errno for RATE requests of a million, drawn from SEED.
//   log                                                     [[operation, file, thread], ...] since the last `clear`
//   clear                                                   empties the log
//   state                                                   {"held": {operation: requests}, "expired": requests}
//
// Nothing is held for longer than PATIENCE: a thread that waits for a server cannot be killed. Who ran into it is in `expired`.
// At the end of standard input the server unmounts and ends, and every request fails.
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE ((1 << 20) + 123)
#define LARGEST (16 << 20)
#define PATIENCE 4
#define THREADS 32
#define FILES 1024
#define NAME 128
#define TWINS 77
#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum operation { LOOKUP, OPEN, GETATTR, SETATTR, ACCESS, READ, WRITE, FLUSH, FSYNC, RELEASE, OPERATIONS };
static const char *const operations[] = {"lookup", "open",  "getattr", "setattr", "access",
                                         "read",   "write", "flush",   "fsync",   "release"};

static struct rule {
  char file[NAME];
  int delay, hold, error;
  unsigned rate;
  uint64_t random;
  long from, to;
  unsigned generation, held;
} rules[OPERATIONS];

static struct file {
  char name[NAME];
  unsigned char *data;
  size_t size;
  struct timespec changed;
} files[FILES];

static struct request {
  enum operation operation;
  char file[NAME];
  pid_t thread;
} *requests;

static size_t file_count, request_count, request_room;
static unsigned expired;
static double entry_timeout = 60, attribute_timeout = 60;
// Guards all of the above, save the bytes of files: reads and writes of those may meet, as on any server.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static int has_kind(const char *name, const char *kind) {
  const char *dot = strrchr(name, '.');
  return dot && !strcmp(dot + 1, kind);
}

static struct file *file_of(fuse_ino_t node) { return &files[node - FUSE_ROOT_ID - 1]; }

static fuse_ino_t node_of(const char *name) {
  size_t index = 0;
  while (index < file_count && strcmp(files[index].name, name)) index++;
  if (index == FILES) return 0;
  struct file *file = &files[index];
  if (index == file_count) {
    uint32_t seed = 2166136261u;
    for (const char *letter = name; *letter; letter++) seed = (seed ^ (unsigned char)*letter) * 16777619u;
    // Room to grow without moving; untouched memory costs nothing.
    if (!(file->data = calloc(1, LARGEST))) return 0;
    uint32_t *words = (uint32_t *)file->data;
    for (uint32_t word = 0; word < (SIZE + 3) / 4; word++) words[word] = ((word + 1) * 2654435761u) ^ seed;
    memset(file->data + SIZE, 0, 4);
    strcpy(file->name, name);
    file->size = SIZE;
    file->changed.tv_sec = 1700000000;
    file_count++;
  }
  return FUSE_ROOT_ID + 1 + index;
}

static struct stat attributes(fuse_ino_t node) {
  struct stat result = {.st_ino = node, .st_mode = S_IFDIR | 0755, .st_nlink = 2, .st_uid = getuid(), .st_gid = getgid()};
  if (node == FUSE_ROOT_ID) return result;
  struct file *file = file_of(node);
  if (has_kind(file->name, "twin")) result.st_ino = TWINS;
  result.st_mode = S_IFREG | 0644;
  result.st_nlink = 1;
  result.st_size = (off_t)file->size;
  result.st_blocks = (blkcnt_t)(file->size + 511) / 512;
  result.st_blksize = 4096;
  result.st_mtim = result.st_ctim = file->changed;
  return result;
}

static void note(enum operation operation, const char *file, pid_t thread) {
  if (request_count == request_room) {
    request_room = request_room ? 2 * request_room : 1024;
    if (!(requests = realloc(requests, request_room * sizeof *requests))) abort();
  }
  struct request *request = &requests[request_count++];
  request->operation = operation;
  request->thread = thread;
  strcpy(request->file, file);
}

static int drawn(struct rule *rule) {
  // xorshift64*
  rule->random ^= rule->random >> 12;
  rule->random ^= rule->random << 25;
  rule->random ^= rule->random >> 27;
  return (rule->random * 2685821657736338717u >> 32) % 1000000 < rule->rate;
}

/** Notes a request and does what its rule says. Called with the lock, which it gives away while it waits. */
static int begun(enum operation operation, fuse_req_t request, const char *file, long offset, size_t length) {
  struct rule *rule = &rules[operation];
  note(operation, file, fuse_req_ctx(request)->pid);
  if (strcmp(rule->file, "*") && strcmp(rule->file, file)) return 0;
  if (length && (offset >= rule->to || offset + (long)length <= rule->from)) return 0;
  int error = drawn(rule) ? rule->error : 0, delay = rule->delay;
  if (rule->hold) {
    unsigned generation = rule->generation;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    rule->held++;
    int timed_out = 0;
    while (rule->generation == generation && !timed_out) timed_out = pthread_cond_timedwait(&changed, &lock, &until);
    if (rule->generation == generation) rule->held--;
    if (timed_out) expired++;
  }
  if (delay) {
    pthread_mutex_unlock(&lock);
    struct timespec pause = {delay / 1000, delay % 1000 * 1000000L};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&lock);
  }
  return error;
}

static int begun_of(enum operation operation, fuse_req_t request, fuse_ino_t node, long offset, size_t length) {
  pthread_mutex_lock(&lock);
  return begun(operation, request, node == FUSE_ROOT_ID ? "/" : file_of(node)->name, offset, length);
}

static void answer_error(fuse_req_t request, int error) {
  pthread_mutex_unlock(&lock);
  fuse_reply_err(request, error);
}

static void answer_attributes(fuse_req_t request, fuse_ino_t node) {
  struct stat found = attributes(node);
  double timeout = attribute_timeout;
  pthread_mutex_unlock(&lock);
  fuse_reply_attr(request, &found, timeout);
}

static void look_up(fuse_req_t request, fuse_ino_t parent, const char *name) {
  pthread_mutex_lock(&lock);
  if (parent != FUSE_ROOT_ID || strlen(name) >= NAME) return answer_error(request, ENOENT);
  if (*name == '=') {
    note(LOOKUP, name, fuse_req_ctx(request)->pid);
    return answer_error(request, ENOENT);
  }
  int error = begun(LOOKUP, request, name, 0, 0);
  fuse_ino_t node = error ? 0 : node_of(name);
  if (!node) return answer_error(request, error ? error : ENFILE);
  struct fuse_entry_param entry = {
      .ino = node, .attr = attributes(node), .attr_timeout = attribute_timeout, .entry_timeout = entry_timeout};
  pthread_mutex_unlock(&lock);
  fuse_reply_entry(request, &entry);
}

static void get_attributes(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info) {
  (void)info;
  int error = begun_of(GETATTR, request, node, 0, 0);
  if (error) return answer_error(request, error);
  answer_attributes(request, node);
}

static void set_attributes(fuse_req_t request, fuse_ino_t node, struct stat *wanted, int which, struct fuse_file_info *info) {
  (void)info;
  int error = begun_of(SETATTR, request, node, 0, 0);
  if (!error && which & FUSE_SET_ATTR_SIZE && (node == FUSE_ROOT_ID || wanted->st_size > LARGEST)) error = EFBIG;
  if (error) return answer_error(request, error);
  if (which & FUSE_SET_ATTR_SIZE) {
    struct file *file = file_of(node);
    size_t size = (size_t)wanted->st_size;
    if (size < file->size) memset(file->data + size, 0, file->size - size);
    file->size = size;
    clock_gettime(CLOCK_REALTIME, &file->changed);
  }
  answer_attributes(request, node);
}

static int forbidden(fuse_req_t request) { return fuse_req_ctx(request)->uid != getuid() ? EACCES : 0; }

static void may_access(fuse_req_t request, fuse_ino_t node, int mask) {
  int error = begun_of(ACCESS, request, node, 0, 0);
  answer_error(request, error || !(mask & W_OK) ? error : forbidden(request));
}

static void open_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info) {
  int error = begun_of(OPEN, request, node, 0, 0);
  if (!error && (info->flags & O_ACCMODE) != O_RDONLY) error = forbidden(request);
  if (error) return answer_error(request, error);
  info->direct_io = has_kind(file_of(node)->name, "direct");
  info->keep_cache = !has_kind(file_of(node)->name, "fresh");
  pthread_mutex_unlock(&lock);
  fuse_reply_open(request, info);
}

static void read_file(fuse_req_t request, fuse_ino_t node, size_t length, off_t offset, struct fuse_file_info *info) {
  (void)info;
  int error = begun_of(READ, request, node, offset, length);
  if (error) return answer_error(request, error);
  struct file *file = file_of(node);
  size_t left = (size_t)offset < file->size ? file->size - (size_t)offset : 0;
  pthread_mutex_unlock(&lock);
  fuse_reply_buf(request, (char *)file->data + offset, length < left ? length : left);
}

static void write_file(fuse_req_t request, fuse_ino_t node, const char *data, size_t length, off_t offset,
                       struct fuse_file_info *info) {
  (void)info;
  int error = begun_of(WRITE, request, node, offset, length);
  if (!error && (size_t)offset + length > LARGEST) error = EFBIG;
  if (error) return answer_error(request, error);
  struct file *file = file_of(node);
  memcpy(file->data + offset, data, length);
  if ((size_t)offset + length > file->size) file->size = (size_t)offset + length;
  clock_gettime(CLOCK_REALTIME, &file->changed);
  pthread_mutex_unlock(&lock);
  fuse_reply_write(request, length);
}

static void flush_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info) {
  (void)info;
  answer_error(request, begun_of(FLUSH, request, node, 0, 0));
}

static void sync_file(fuse_req_t request, fuse_ino_t node, int data_only, struct fuse_file_info *info) {
  (void)data_only, (void)info;
  answer_error(request, begun_of(FSYNC, request, node, 0, 0));
}

static void release_file(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info) {
  (void)info;
  answer_error(request, begun_of(RELEASE, request, node, 0, 0));
}

static const struct fuse_lowlevel_ops served = {
    .lookup = look_up, .getattr = get_attributes, .setattr = set_attributes, .access = may_access, .open = open_file,
    .read = read_file, .write = write_file,       .flush = flush_file,       .fsync = sync_file,   .release = release_file,
};

static void *serve(void *session) {
  fuse_session_loop(session);
  return NULL;
}

static int set_rule(const char *line) {
  char name[16], file[NAME];
  struct rule wanted = {0};
  if (sscanf(line, "rule %15s %127s %d %d %d %u %lu %ld %ld", name, file, &wanted.delay, &wanted.hold, &wanted.error,
             &wanted.rate, &wanted.random, &wanted.from, &wanted.to) != 9) {
    return 0;
  }
  for (size_t index = 0; index < LENGTH(operations); index++) {
    struct rule *rule = &rules[index];
    if (strcmp(operations[index], name)) continue;
    wanted.generation = rule->generation + 1;
    strcpy(wanted.file, file);
    *rule = wanted;
    return 1;
  }
  return 0;
}

static void print_log(void) {
  putchar('[');
  for (size_t index = 0; index < request_count; index++) {
    struct request *request = &requests[index];
    printf("%s[\"%s\",\"%s\",%d]", index ? "," : "", operations[request->operation], request->file, request->thread);
  }
  puts("]");
}

static void print_state(void) {
  printf("{\"held\":{");
  for (size_t index = 0; index < OPERATIONS; index++) {
    printf("%s\"%s\":%u", index ? "," : "", operations[index], rules[index].held);
  }
  printf("},\"expired\":%u}\n", expired);
}

static void obey(const char *line) {
  double entry, attribute;
  int understood = 1;
  pthread_mutex_lock(&lock);
  if (!strncmp(line, "log", 3)) {
    print_log();
  } else if (!strncmp(line, "state", 5)) {
    print_state();
  } else {
    if (!strncmp(line, "clear", 5)) {
      request_count = 0;
      expired = 0;
    } else if (sscanf(line, "timeouts %lf %lf", &entry, &attribute) == 2) {
      entry_timeout = entry / 1000;
      attribute_timeout = attribute / 1000;
    } else {
      understood = set_rule(line);
    }
    puts(understood ? "true" : "false");
  }
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  fflush(stdout);
}

int main(int count, char **words) {
  if (count != 2) return fprintf(stderr, "usage: file-server MOUNT-POINT\n"), 2;
  char options[] = "fsname=faultless,allow_other", *given[] = {words[0], "-o", options};
  // For other users only where no setting of the system has to allow that.
  if (getuid()) *strchr(options, ',') = 0;
  struct fuse_args arguments = FUSE_ARGS_INIT(LENGTH(given), given);
  struct fuse_session *session = fuse_session_new(&arguments, &served, sizeof served, NULL);
  if (!session || fuse_session_mount(session, words[1])) return 1;
  for (int index = 0; index < THREADS; index++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, session)) return 1;
  }
  puts("true");
  fflush(stdout);
  char line[512];
  while (fgets(line, sizeof line, stdin)) obey(line);
  fuse_session_unmount(session);
  // Ends what is held as well.
  _exit(0);
}
