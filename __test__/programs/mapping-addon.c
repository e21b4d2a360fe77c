// An addon that does what others wait for: functions that take mmap_lock for writing as often as they are told, and one that touches
// each page of a file that it maps.

#include <fcntl.h>
#include <node_api.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 4 << 20 };

static int32_t times_of(napi_env env, napi_callback_info info) {
  napi_value value;
  size_t count = 1;
  int32_t times = 0;
  napi_get_cb_info(env, info, &count, &value, NULL, NULL);
  napi_get_value_int32(env, value, &times);
  return times;
}

static void *map(void) {
  return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

// The calls are made by the very functions that JavaScript calls: nothing else of the addon is on the stack.
static napi_value protect_again(napi_env env, napi_callback_info info) {
  int32_t times = times_of(env, info);
  void *memory = map();
  for (int32_t i = 0; i < times; i += 1) {
    mprotect(memory, SIZE, PROT_READ);
    mprotect(memory, SIZE, PROT_READ | PROT_WRITE);
  }
  munmap(memory, SIZE);
  return NULL;
}

static napi_value map_again(napi_env env, napi_callback_info info) {
  int32_t times = times_of(env, info);
  for (int32_t i = 0; i < times; i += 1) munmap(map(), SIZE);
  return NULL;
}

// As compilers do without frame pointers, it keeps something else in that register while it waits.
__attribute__((noinline)) static int64_t sum_pages(const unsigned char *bytes, int64_t size, int64_t step) {
#if defined(__x86_64__) && defined(WITHOUT_FRAME_POINTERS)
  register int64_t sum __asm__("rbp") = 0;
#else
  int64_t sum = 0;
#endif
  for (int64_t at = 0; at < size; at += step) {
    sum += *(const volatile unsigned char *)(bytes + at);
    __asm__ volatile("" : "+r"(sum));
  }
  return sum;
}

static napi_value touch(napi_env env, napi_callback_info info) {
  napi_value values[2], result;
  size_t count = 2;
  char path[4096];
  int64_t step;
  struct stat status;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  napi_get_value_string_utf8(env, values[0], path, sizeof path, NULL);
  napi_get_value_int64(env, values[1], &step);
  int file = open(path, O_RDONLY);
  fstat(file, &status);
  void *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, file, 0);
  napi_create_int64(env, sum_pages(bytes, status.st_size, step), &result);
  munmap(bytes, status.st_size);
  close(file);
  return result;
}

NAPI_MODULE_INIT() {
  napi_property_descriptor functions[] = {
    {.utf8name = "mprotect", .method = protect_again, .attributes = napi_enumerable},
    {.utf8name = "munmap", .method = map_again, .attributes = napi_enumerable},
    {.utf8name = "touch", .method = touch, .attributes = napi_enumerable},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
