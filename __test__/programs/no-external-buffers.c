// Preloaded under an addon whose calls of napi_create_external_arraybuffer() lead here: refuses as Electron's does.

#include <stddef.h>

#define NAPI_NO_EXTERNAL_BUFFERS_ALLOWED 22

int napi_create_external_arraybuffeX(void *env, void *data, size_t length, void *finalize, void *hint, void *result) {
  (void)env, (void)data, (void)length, (void)finalize, (void)hint, (void)result;
  return NAPI_NO_EXTERNAL_BUFFERS_ALLOWED;
}
