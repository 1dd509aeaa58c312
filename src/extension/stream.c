#include "stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "settings.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#define FILE_LIMIT 65536
#define FIRST_LINE "lpbm-position 1\n"
#define LAST_LINE "end\n"

static char own_directory[MAXPGPATH];
static char own_name[LPBM_DATABASE_HEX / 2]; /* of the database, in UTF-8 */

const char* lpbm_path(const char* name) {
  static char path[MAXPGPATH];

  snprintf(path, sizeof(path), "%s/%s", lpbm_directory(), name);
  return path;
}

void lpbm_replace_file(const char* name, const char* data, size_t length) {
  char path[MAXPGPATH];

  strlcpy(path, lpbm_path(name), sizeof(path));
  lpbm_replace_path(path, data, length);
}

void lpbm_replace_path(const char* path, const char* data, size_t length) {
  char temporary[MAXPGPATH];
  int fd;

  if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
    ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("the path \"%s\" is too long", path)));
  fd = OpenTransientFilePerm(temporary, O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY, S_IRUSR | S_IWUSR);
  if (fd < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not create file \"%s\": %m", temporary)));
  while (length > 0) {
    ssize_t done = write(fd, data, length);

    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      if (done == 0) errno = ENOSPC;
      ereport(ERROR, (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", temporary)));
    }
    data += done;
    length -= done;
  }
  if (CloseTransientFile(fd) != 0)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not close file \"%s\": %m", temporary)));
  if (durable_rename(temporary, path, LOG) != 0)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not replace file \"%s\"", path)));
}

/* --- binding ----------------------------------------------------------------------------------------------------- */

void lpbm_binding_now(LpbmBinding* binding) {
  struct stat status;

  memset(binding, 0, sizeof(*binding));
  binding->system = GetSystemIdentifier();
  binding->timeline = GetWALInsertionTimeLine();
  binding->database = MyDatabaseId;
  if (stat(DataDir, &status) != 0)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not inspect directory \"%s\": %m", DataDir)));
  binding->inode = status.st_ino;
  strlcpy(binding->path, DataDir, sizeof(binding->path));
  strlcpy(binding->site, lpbm_site(), sizeof(binding->site));
  for (size_t i = 0; i < strlen(own_name); i++) snprintf(binding->name + 2 * i, 3, "%02x", (unsigned char)own_name[i]);
}

const char* lpbm_binding_difference(const LpbmBinding* then, const LpbmBinding* now) {
  if (then->system != now->system) return "the system identifier is another";
  if (then->timeline != now->timeline) return "the server is on another timeline";
  if (then->database != now->database) return "the database is another";
  if (then->name[0] != '\0' && strcmp(then->name, now->name) != 0) return "the database has another name";
  if (strcmp(then->site, now->site) != 0) return "lpbm.site was changed";
  if (then->inode != now->inode || strcmp(then->path, now->path) != 0) return "the data directory is another";
  return NULL;
}

void lpbm_stream_new(LpbmStream* stream) {
  unsigned char bytes[8];

  memset(stream, 0, sizeof(*stream));
  lpbm_binding_now(&stream->binding);
  if (!pg_strong_random(bytes, sizeof(bytes))) elog(ERROR, "could not generate a random number");
  for (size_t i = 0; i < sizeof(bytes); i++) snprintf(stream->id + 2 * i, 3, "%02x", bytes[i]);
  snprintf(stream->slot, sizeof(stream->slot), "lpbm_%u", MyDatabaseId);
}

/* --- the file ---------------------------------------------------------------------------------------------------- */

void lpbm_stream_save(const LpbmStream* s) {
  StringInfoData out;

  initStringInfo(&out);
  appendStringInfoString(&out, FIRST_LINE);
  appendStringInfo(&out, "stream %s\nslot %s\n", s->id, s->slot);
  appendStringInfo(&out, "system " UINT64_FORMAT "\ntimeline %u\ndatabase %u\n", s->binding.system, s->binding.timeline,
                   s->binding.database);
  appendStringInfo(&out, "inode " UINT64_FORMAT "\npath %s\nsite %s\n", s->binding.inode, s->binding.path,
                   s->binding.site);
  appendStringInfo(&out, "start %X/%X\nrun " UINT64_FORMAT "\n", LSN_FORMAT_ARGS(s->start), s->run);
  appendStringInfo(&out, "confirmed %X/%X\nlast_record %X/%X\n", LSN_FORMAT_ARGS(s->confirmed),
                   LSN_FORMAT_ARGS(s->last_record));
  appendStringInfo(&out, "fence_run " UINT64_FORMAT "\nfence_seq " UINT64_FORMAT "\n", s->fence.run, s->fence.seq);
  appendStringInfo(&out, "journalled %X/%X\npoison %X/%X\n", LSN_FORMAT_ARGS(s->journalled),
                   LSN_FORMAT_ARGS(s->poison));
  appendStringInfo(&out, "globals " UINT64_FORMAT "\nautomatic " INT64_FORMAT "\ncomplete %d\nfull_wanted %s\n",
                   s->globals, s->automatic, s->complete ? 1 : 0, s->full_wanted);
  appendStringInfo(&out, "name %s\nneeded_run " UINT64_FORMAT "\nneeded_seq " UINT64_FORMAT "\n", s->binding.name,
                   s->needed.run, s->needed.seq);
  appendStringInfoString(&out, LAST_LINE);
  lpbm_replace_path(lpbm_own_path("position"), out.data, out.len);
  pfree(out.data);
}

static char* read_file(const char* path, size_t limit) {
  int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
  char* data;
  ssize_t length;

  if (fd < 0 && errno == ENOENT) return NULL;
  if (fd < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
  data = palloc(limit + 1);
  length = read(fd, data, limit);
  if (length < 0) ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
  CloseTransientFile(fd);
  data[length] = '\0';
  return data;
}

/* The value of a line, ended by a zero byte in place of its newline, or NULL. Lines come in the order they were
 * written. */
static const char* take(char** at, const char* name) {
  size_t length = strlen(name);
  char* value;
  char* end;

  if (*at == NULL || strncmp(*at, name, length) != 0 || (*at)[length] != ' ') return *at = NULL;
  value = *at + length + 1;
  end = strchr(value, '\n');
  if (end == NULL) return *at = NULL;
  *end = '\0';
  *at = end + 1;
  return value;
}

static uint64 take_number(char** at, const char* name) {
  const char* value = take(at, name);

  return value == NULL ? 0 : strtoull(value, NULL, 10);
}

static XLogRecPtr take_lsn(char** at, const char* name) {
  const char* value = take(at, name);
  uint32 high = 0;
  uint32 low = 0;

  if (value != NULL && sscanf(value, "%X/%X", &high, &low) != 2) *at = NULL;
  return ((uint64)high << 32) | low;
}

static void take_text(char** at, const char* name, char* to, size_t size) {
  const char* value = take(at, name);

  if (value != NULL) strlcpy(to, value, size);
}

static bool parse(char* at, LpbmStream* s) {
  memset(s, 0, sizeof(*s));
  if (strncmp(at, FIRST_LINE, strlen(FIRST_LINE)) != 0) return false;
  at += strlen(FIRST_LINE);
  take_text(&at, "stream", s->id, sizeof(s->id));
  take_text(&at, "slot", s->slot, sizeof(s->slot));
  s->binding.system = take_number(&at, "system");
  s->binding.timeline = (uint32)take_number(&at, "timeline");
  s->binding.database = (Oid)take_number(&at, "database");
  s->binding.inode = take_number(&at, "inode");
  take_text(&at, "path", s->binding.path, sizeof(s->binding.path));
  take_text(&at, "site", s->binding.site, sizeof(s->binding.site));
  s->start = take_lsn(&at, "start");
  s->run = take_number(&at, "run");
  s->confirmed = take_lsn(&at, "confirmed");
  s->last_record = take_lsn(&at, "last_record");
  s->fence.run = take_number(&at, "fence_run");
  s->fence.seq = take_number(&at, "fence_seq");
  s->journalled = take_lsn(&at, "journalled");
  s->poison = take_lsn(&at, "poison");
  s->globals = take_number(&at, "globals");
  s->automatic = (TimestampTz)take_number(&at, "automatic");
  s->complete = take_number(&at, "complete") == 1;
  take_text(&at, "full_wanted", s->full_wanted, sizeof(s->full_wanted));
  if (at != NULL && strcmp(at, LAST_LINE) != 0) { /* not so in files of before */
    take_text(&at, "name", s->binding.name, sizeof(s->binding.name));
    s->needed.run = take_number(&at, "needed_run");
    s->needed.seq = take_number(&at, "needed_seq");
  }
  return at != NULL && strcmp(at, LAST_LINE) == 0 && strlen(s->id) == 16;
}

/* False where there is none; *damaged where it is no position. */
static bool load(const char* path, LpbmStream* stream, bool* damaged) {
  char* text = read_file(path, FILE_LIMIT);

  *damaged = false;
  if (text == NULL) return false;
  *damaged = !parse(text, stream);
  pfree(text);
  return !*damaged;
}

bool lpbm_stream_load(LpbmStream* stream) {
  bool damaged;
  bool found = load(lpbm_own_path("position"), stream, &damaged);

  if (damaged) ereport(LOG, (errmsg("lpbm: file \"%s\" is damaged; a new stream begins", lpbm_own_path("position"))));
  return found;
}

/* --- whose files lie where --------------------------------------------------------------------------------------- */

static bool is_among(Oid oid, const Oid* oids, int count) {
  for (int i = 0; i < count; i++)
    if (oids[i] == oid) return true;
  return false;
}

/* The database whose files lie in lpbm.directory itself, or InvalidOid. */
static Oid database_at_top(void) {
  LpbmStream stream;
  bool damaged;

  return load(lpbm_path("position"), &stream, &damaged) ? stream.binding.database : InvalidOid;
}

/* The one that is there already; else the top, where it is this database's, or free and this one the first. */
void lpbm_own_directory_find(void) {
  char number[16];
  Oid at_top = database_at_top();
  bool taken;

  lpbm_copy_text(own_name, lpbm_to_utf8(lpbm_mine->name), sizeof(own_name));
  snprintf(number, sizeof(number), "%u", MyDatabaseId);
  strlcpy(own_directory, lpbm_path(number), sizeof(own_directory));
  lpbm_shared_lock(true);
  taken = lpbm_database_by_oid(at_top) != NULL;
  /* One that was the first and has no stream yet. */
  for (int i = 0; i < LPBM_MAX_DATABASES; i++) {
    const LpbmDatabase* other = &lpbm_shared->databases[i];

    if (other != lpbm_mine && other->worker_pid != 0 && other->at_top) taken = true;
  }
  lpbm_mine->at_top = access(own_directory, F_OK) != 0 && (at_top == MyDatabaseId || (lpbm_is_first() && !taken));
  lpbm_shared_unlock();
  if (lpbm_mine->at_top) strlcpy(own_directory, lpbm_directory(), sizeof(own_directory));
  lpbm_own_directory_make();
}

void lpbm_own_directory_make(void) {
  if (MakePGDirectory(own_directory) != 0 && errno != EEXIST)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not create directory \"%s\": %m", own_directory)));
}

const char* lpbm_own_directory(void) {
  return own_directory;
}

const char* lpbm_own_name(void) {
  return own_name;
}

const char* lpbm_own_path(const char* name) {
  static char path[MAXPGPATH];

  snprintf(path, sizeof(path), "%s/%s", own_directory, name);
  return path;
}

static void forget(const char* directory) {
  char path[MAXPGPATH];

  snprintf(path, sizeof(path), "%s/position", directory);
  if (access(path, F_OK) != 0) return;
  (void)durable_unlink(path, LOG);
  snprintf(path, sizeof(path), "%s/sequences", directory);
  (void)unlink(path);
}

/* Others' engines would keep log files for them. What they have left in the store is for the engine. */
void lpbm_streams_forget(const Oid* databases, int count) {
  DIR* directory = AllocateDir(lpbm_directory());
  struct dirent* entry;
  Oid at_top;

  if (directory == NULL) return;
  while ((entry = ReadDirExtended(directory, lpbm_directory(), LOG)) != NULL) {
    char path[MAXPGPATH];

    if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name)) continue;
    if (is_among((Oid)strtoul(entry->d_name, NULL, 10), databases, count)) continue;
    strlcpy(path, lpbm_path(entry->d_name), sizeof(path));
    forget(path);
  }
  FreeDir(directory);
  /* One that the first is about to follow is for its worker to look at. */
  if (!lpbm_shared->databases[lpbm_shared->first].at_top &&
      lpbm_shared->databases[lpbm_shared->first].worker_pid != 0) {
    at_top = database_at_top();
    if (OidIsValid(at_top) && !is_among(at_top, databases, count)) forget(lpbm_directory());
  }
}

/* --- pause ------------------------------------------------------------------------------------------------------- */

bool lpbm_paused(void) {
  return access(lpbm_path("paused"), F_OK) == 0;
}

void lpbm_set_paused(bool paused) {
  if (paused)
    lpbm_replace_file("paused", "", 0);
  else if (durable_unlink(lpbm_path("paused"), LOG) != 0 && errno != ENOENT)
    ereport(ERROR, (errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", lpbm_path("paused"))));
}

void lpbm_answer_name(uint64 request, char* name) {
  snprintf(name, LPBM_NAME, "answer-" UINT64_FORMAT, request);
}

void lpbm_remove_answer(uint64 request) {
  char name[LPBM_NAME];

  lpbm_answer_name(request, name);
  (void)unlink(lpbm_path(name));
}

void lpbm_remove_answers(void) {
  DIR* directory = AllocateDir(lpbm_directory());
  struct dirent* entry;

  if (directory == NULL) return; /* there will be no backup either, and that is told */
  while ((entry = ReadDirExtended(directory, lpbm_directory(), LOG)) != NULL)
    if (strncmp(entry->d_name, "answer-", strlen("answer-")) == 0 ||
        strncmp(entry->d_name, "restore-", strlen("restore-")) == 0)
      unlink(lpbm_path(entry->d_name));
  FreeDir(directory);
}
