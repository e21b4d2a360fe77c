// An addon that does what others wait for: each function takes mmap_lock for writing as often as it is told.

#include <node_api.h>
#include <sys/mman.h>

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

NAPI_MODULE_INIT() {
  napi_property_descriptor functions[] = {
    {.utf8name = "mprotect", .method = protect_again, .attributes = napi_enumerable},
    {.utf8name = "munmap", .method = map_again, .attributes = napi_enumerable},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
