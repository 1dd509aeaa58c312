/*
 * The engine as a child process of the worker: one job each (docs/formats.md, Worker and engine). It dies with the
 * worker, as its stdin ends then. For the worker alone; all of it outside of transactions or within.
 */
#ifndef LPBM_ENGINE_H
#define LPBM_ENGINE_H

#include "postgres.h"

#include <sys/types.h>

typedef struct LpbmEngine {
  pid_t pid;  /* 0: none */
  int input;  /* kept open while the worker wants the job */
  int output; /* non-blocking; to be waited for */
  char* buffer;
  size_t used, capacity;
  bool ended;      /* no more lines will come */
  bool overflowed; /* a line was too long: the engine is not to be trusted */
} LpbmEngine;

/* Called for each line, without its newline, which is a zero byte. */
typedef void (*LpbmLineHandler)(char* line, size_t length, void* argument);

/* Path of the program, in a static buffer. */
extern const char* lpbm_engine_path(void);
/* Starts it with this request (one line, ended by a newline). Raises ERROR; then nothing runs. */
extern void lpbm_engine_start(LpbmEngine* engine, const char* request);
/* Reads what is there without waiting, and hands complete lines on. */
extern void lpbm_engine_read(LpbmEngine* engine, LpbmLineHandler handler, void* argument);
/*
 * After `ended`: reaps the process and frees everything. Describes in `problem` (size bytes) how it died, where that
 * was not by exiting; "" otherwise.
 */
extern void lpbm_engine_finish(LpbmEngine* engine, char* problem, size_t size);
/* Kills it with its children, at once, and frees everything. Harmless where none runs. */
extern void lpbm_engine_kill(LpbmEngine* engine);

#endif /* LPBM_ENGINE_H */
