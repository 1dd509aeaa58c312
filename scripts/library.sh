# Sourced by the scripts that run servers: a working directory that an unprivileged user can reach, and in it a private
# copy of the PostgreSQL of PG_CONFIG with lpbm installed, so that nothing of the system is changed.
# PostgreSQL finds its libraries and its share directory relative to its own program; that makes the copy whole.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
JOBS=${JOBS:-$(nproc)}
# PostgreSQL's server programs refuse to run as root.
SERVER_USER=${LPBM_TEST_USER:-postgres}

fail() { echo "lpbm: $*" >&2; exit 1; }

# Runs a command as the unprivileged user, without the caller's terminal or directory.
as_user() {
  if [ "$(id -u)" = 0 ]; then
    (cd "$WORK" && exec runuser -u "$SERVER_USER" -- env HOME="$WORK" "$@") </dev/null
  else
    (cd "$WORK" && exec "$@") </dev/null
  fi
}

own() { [ "$(id -u)" != 0 ] || chown -R "$SERVER_USER" "$@"; }

make_work_directory() {  # name
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/lpbm-$1.XXXXXX")
  chmod 755 "$WORK"
  own "$WORK"
}

# Builds the engine into build/engine, the library into build/extension/<version of PG_CONFIG's PostgreSQL>.
build_lpbm() {
  make --no-print-directory -C "$ROOT" -j"$JOBS" PG_CONFIG="$PG_CONFIG" ENGINE_BUILD="$ROOT/build/engine" all
}

# Libraries that programs find relative to themselves, outside of the system's folders.
copy_libraries() {  # programs' folder, prefix
  local library
  ldd "$1/postgres" "$1/psql" | sed -n 's/.* => \(\/.*\) (0x.*/\1/p' | xargs -r realpath -s | sort -u |
    grep -vE '^(/usr)?/lib(32|64)?/' | while read -r library; do
    mkdir -p "$2$(dirname "$library")"
    [ -e "$2$library" ] || cp -L "$library" "$2$library"
  done
}

# Sets BINDIR to the programs of the private copy, below `folder` of the working directory.
install_private() {  # [folder]
  local bindir sharedir libdir pkglibdir prefix="$WORK/${1:-pg}"
  bindir=$("$PG_CONFIG" --bindir) sharedir=$("$PG_CONFIG" --sharedir)
  libdir=$("$PG_CONFIG" --libdir) pkglibdir=$("$PG_CONFIG" --pkglibdir)
  mkdir -p "$prefix$bindir" "$prefix$sharedir" "$prefix$pkglibdir"
  # Programs must be copies (a link would be followed back); the rest may be links, but into a folder of the sources, which
  # the unprivileged user may not be able to read.
  local link=-s
  case $bindir in "$ROOT"/*) link= ;; esac
  cp -L "$bindir"/* "$prefix$bindir/"
  cp -r $link "$sharedir/." "$prefix$sharedir/"
  find "$pkglibdir" -maxdepth 1 -name '*.so' -exec cp $link -t "$prefix$pkglibdir" {} +
  case $libdir in
    "$bindir"/../lib | "${bindir%/bin}/lib")
      find "$libdir" -maxdepth 1 -name 'lib*.so*' -exec cp -P -n -t "$prefix$libdir" {} + ;;
  esac
  copy_libraries "$bindir" "$prefix"
  # A lpbm of the system must not be written through.
  rm -rf "$prefix$bindir/lpbm" "$prefix$pkglibdir"/lpbm* "$prefix$sharedir"/extension/lpbm*
  make --no-print-directory -C "$ROOT" PG_CONFIG="$PG_CONFIG" ENGINE_BUILD="$ROOT/build/engine" DESTDIR="$prefix" install
  BINDIR="$prefix$bindir"
  own "$prefix"
}
