#include "engine.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#define LINE_LIMIT (16 * 1024 * 1024)
#define FIRST_CAPACITY 8192

extern char** environ;

const char* lpbm_engine_path(void) {
  static char path[MAXPGPATH];

  strlcpy(path, my_exec_path, sizeof(path));
  get_parent_directory(path);
  strlcat(path, "/lpbm", sizeof(path));
  return path;
}

/* The child gets the two pipes and the server's stderr, and nothing of the server's signals. */
static int spawn(pid_t* pid, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t all;
  char path[MAXPGPATH];
  char* arguments[] = {path, "worker", NULL};
  int result;

  strlcpy(path, lpbm_engine_path(), sizeof(path));
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  result = posix_spawn(pid, path, &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

static void close_all(const int* fds, int count) {
  for (int i = 0; i < count; i++)
    if (fds[i] >= 0) close(fds[i]);
}

static bool write_all(int fd, const char* data, size_t length) {
  while (length > 0) {
    ssize_t done = write(fd, data, length);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    data += done;
    length -= done;
  }
  return true;
}

void lpbm_engine_start(LpbmEngine* engine, const char* request) {
  int fds[4] = {-1, -1, -1, -1}; /* child's stdin: read end, our end; its stdout: our end, write end */
  int error;

  memset(engine, 0, sizeof(*engine));
  if (pipe2(fds, O_CLOEXEC) != 0 || pipe2(fds + 2, O_CLOEXEC) != 0 || fcntl(fds[2], F_SETFL, O_NONBLOCK) != 0) {
    error = errno;
    close_all(fds, 4);
    errno = error;
    ereport(ERROR, (errmsg("could not create a pipe: %m")));
  }
  error = spawn(&engine->pid, fds[0], fds[3]);
  close(fds[0]);
  close(fds[3]);
  if (error != 0) {
    close(fds[1]);
    close(fds[2]);
    engine->pid = 0;
    errno = error;
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not start \"%s\": %m", lpbm_engine_path()),
                    errhint("Install the program lpbm beside the server's other programs (make install).")));
  }
  engine->input = fds[1];
  engine->output = fds[2];
  engine->capacity = FIRST_CAPACITY;
  engine->buffer = MemoryContextAlloc(TopMemoryContext, engine->capacity);
  /* An engine that has died already is noticed at its end. */
  (void)write_all(engine->input, request, strlen(request));
}

/* Hands complete lines on and keeps the rest at the buffer's start. */
static void hand_lines_on(LpbmEngine* engine, size_t searched, LpbmLineHandler handler, void* argument) {
  char* start = engine->buffer;
  char* end = engine->buffer + engine->used;
  char* newline;

  while ((newline = memchr(start + searched, '\n', end - start - searched)) != NULL) {
    *newline = '\0';
    handler(start, newline - start, argument);
    if (engine->pid == 0) return; /* killed by the handler */
    start = newline + 1;
    searched = 0;
  }
  engine->used = end - start;
  memmove(engine->buffer, start, engine->used);
}

void lpbm_engine_read(LpbmEngine* engine, LpbmLineHandler handler, void* argument) {
  while (engine->pid != 0 && !engine->ended) {
    ssize_t got;
    size_t before = engine->used;

    if (engine->used == engine->capacity) {
      if (engine->capacity >= LINE_LIMIT) {
        engine->overflowed = engine->ended = true;
        return;
      }
      engine->capacity *= 2;
      engine->buffer = repalloc(engine->buffer, engine->capacity);
    }
    got = read(engine->output, engine->buffer + engine->used, engine->capacity - engine->used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      engine->ended = true;
      return;
    }
    engine->used += got;
    hand_lines_on(engine, before, handler, argument);
  }
}

static void forget(LpbmEngine* engine) {
  close(engine->input);
  close(engine->output);
  pfree(engine->buffer);
  memset(engine, 0, sizeof(*engine));
}

static int reap(pid_t pid) {
  int status = 0;

  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

/* The end of its stdout comes with its death; one that has closed it and lives on would be waited for in vain. */
void lpbm_engine_finish(LpbmEngine* engine, char* problem, size_t size) {
  int status = 0;

  problem[0] = '\0';
  close(engine->input);
  engine->input = open(DEVNULL, O_RDWR | O_CLOEXEC);
  for (int i = 0; i < 100 && waitpid(engine->pid, &status, WNOHANG) == 0; i++) {
    pg_usleep(10000L);
    if (i == 99) {
      kill(-engine->pid, SIGKILL);
      status = reap(engine->pid);
    }
  }
  if (engine->overflowed)
    snprintf(problem, size, "it said more than can be right");
  else if (WIFSIGNALED(status))
    snprintf(problem, size, "it was ended by signal %d: %s", WTERMSIG(status), pg_strsignal(WTERMSIG(status)));
  else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    snprintf(problem, size, "it could not be started");
  forget(engine);
}

void lpbm_engine_kill(LpbmEngine* engine) {
  if (engine->pid == 0) return;
  kill(-engine->pid, SIGKILL);
  (void)reap(engine->pid);
  forget(engine);
}
