#include "key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#define KEY_LENGTH 32
#define DOMAIN_MAX 32

static unsigned char cluster_key[KEY_LENGTH];
static bool loaded = false;

static const char hex_digits[] = "0123456789abcdef";

static void to_hex(const unsigned char* bytes, size_t count, char* out) {
  for (size_t i = 0; i < count; i++) {
    out[2 * i] = hex_digits[bytes[i] >> 4];
    out[2 * i + 1] = hex_digits[bytes[i] & 15];
  }
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

static bool from_hex(const char* text, unsigned char* bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int high = hex_value(text[2 * i]);
    int low = hex_value(text[2 * i + 1]);

    if (high < 0 || low < 0) return false;
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

static bool fail(char** problem, const char* what, const char* path) {
  *problem = psprintf("could not %s \"%s\": %m", what, path);
  return false;
}

static bool sync_directory(const char* path, char** problem) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good;

  if (fd < 0) return fail(problem, "open directory", path);
  good = pg_fsync(fd) == 0;
  if (!good) fail(problem, "synchronise directory", path);
  close(fd);
  return good;
}

/* The directory itself must survive a crash too: its parent is synchronised. */
static bool ensure_directory(const char* directory, char** problem) {
  char parent[MAXPGPATH];

  if (mkdir(directory, S_IRWXU) == 0) {
    strlcpy(parent, directory, sizeof(parent));
    get_parent_directory(parent);
    return sync_directory(parent[0] == '\0' ? "." : parent, problem);
  }
  if (errno != EEXIST) return fail(problem, "create directory", directory);
  return true;
}

/*
 * The key is written under another name and then linked: whoever finds cluster.key finds all of it, and a key that is
 * already there is never replaced.
 */
static bool make_key(const char* directory, const char* path, char** problem) {
  char temporary[MAXPGPATH];
  char text[2 * KEY_LENGTH + 1];
  unsigned char fresh[KEY_LENGTH];
  bool good;
  int fd;

  if (!pg_strong_random(fresh, sizeof(fresh))) {
    *problem = pstrdup("could not generate a random key");
    return false;
  }
  to_hex(fresh, KEY_LENGTH, text);
  text[2 * KEY_LENGTH] = '\n';
  if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
    *problem = pstrdup("the path in lpbm.directory is too long");
    return false;
  }
  unlink(temporary);
  fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return fail(problem, "create file", temporary);
  errno = ENOSPC; /* where write() falls short without saying why */
  good = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && pg_fsync(fd) == 0;
  if (!good) fail(problem, "write file", temporary);
  close(fd);
  if (good && link(temporary, path) != 0 && errno != EEXIST) good = fail(problem, "create file", path);
  unlink(temporary);
  explicit_bzero(text, sizeof(text));
  explicit_bzero(fresh, sizeof(fresh));
  return good && sync_directory(directory, problem);
}

static bool read_key(int fd, const char* path, char** problem) {
  char text[2 * KEY_LENGTH + 2];
  struct stat status;
  ssize_t length;
  bool good;

  if (fstat(fd, &status) != 0) return fail(problem, "inspect file", path);
  if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    *problem = psprintf("file \"%s\" must be a plain file with mode 0600", path);
    return false;
  }
  length = read(fd, text, sizeof(text));
  if (length < 0) return fail(problem, "read file", path);
  good = length == 2 * KEY_LENGTH + 1 && text[2 * KEY_LENGTH] == '\n' && from_hex(text, cluster_key, KEY_LENGTH);
  if (!good) *problem = psprintf("file \"%s\" does not hold a key of 64 hex digits", path);
  explicit_bzero(text, sizeof(text));
  return good;
}

bool lpbm_key_load(const char* directory, char** problem) {
  char path[MAXPGPATH];
  int fd;

  loaded = false;
  if (snprintf(path, sizeof(path), "%s/cluster.key", directory) >= (int)sizeof(path) - 8) {
    *problem = pstrdup("the path in lpbm.directory is too long");
    return false;
  }
  if (!ensure_directory(directory, problem)) return false;
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    if (!make_key(directory, path, problem)) return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  if (fd < 0) return fail(problem, "open file", path);
  loaded = read_key(fd, path, problem);
  close(fd);
  return loaded;
}

bool lpbm_key_loaded(void) {
  return loaded;
}

/*
 * HMAC's parts by hand would be another way to put a domain before the data; EVP_MAC does it in the open. Neither uses
 * a resource owner, as pg_hmac does, which is not there outside of transactions.
 */
void lpbm_mac(const char* domain, const void* data, size_t length, char* out) {
  static EVP_MAC* algorithm = NULL;
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  EVP_MAC_CTX* context;
  char digest_name[] = "SHA256";
  OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0), OSSL_PARAM_construct_end()};
  bool good;

  if (!loaded) elog(ERROR, "lpbm has no cluster key");
  if (algorithm == NULL) algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
  context = algorithm == NULL ? NULL : EVP_MAC_CTX_new(algorithm);
  good = context != NULL && EVP_MAC_init(context, cluster_key, KEY_LENGTH, parameters) == 1 &&
         EVP_MAC_update(context, (const unsigned char*)domain, strlen(domain)) == 1 &&
         EVP_MAC_update(context, data, length) == 1 && EVP_MAC_final(context, digest, &size, sizeof(digest)) == 1;
  EVP_MAC_CTX_free(context);
  if (!good || size < LPBM_MAC_LENGTH / 2) elog(ERROR, "could not compute a message authentication code");
  to_hex(digest, LPBM_MAC_LENGTH / 2, out);
  out[LPBM_MAC_LENGTH] = '\0';
}

bool lpbm_mac_matches(const char* domain, const void* data, size_t length, const char* mac) {
  char expected[LPBM_MAC_LENGTH + 1];

  lpbm_mac(domain, data, length, expected);
  return CRYPTO_memcmp(expected, mac, LPBM_MAC_LENGTH) == 0;
}
