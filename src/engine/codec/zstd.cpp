#include "codec/zstd.h"

#include <zstd.h>

#include <string>

#include "base/error.h"

namespace lpbm::codec {
namespace {

constexpr int max_window_log = 27;  // 128 MiB

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

std::size_t check(std::size_t result, const char* step, const char* hint = "") {
  if (ZSTD_isError(result)) throw Error(ErrorKind::permanent, step, ZSTD_getErrorName(result), hint);
  return result;
}

std::unique_ptr<char[]> buffer(std::size_t size) {
  return std::unique_ptr<char[]>(new char[size]);
}

class Compressor final : public Sink {
 public:
  Compressor(int level, Sink& below)
      : below_(below), context_(ZSTD_createCCtx()), size_(ZSTD_CStreamOutSize()), out_(buffer(size_)) {
    if (!context_) throw Error(ErrorKind::retryable, "compressing", "not enough memory");
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level), "setting the compression level");
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1), "setting up compression");
  }

  void write(Bytes data) override {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    while (in.pos < in.size) run(in, ZSTD_e_continue);
  }

  void finish() override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (run(in, ZSTD_e_end) != 0) {
    }
    flush();
    below_.finish();
  }

 private:
  // What is compressed is handed on a buffer at a time: zstd gives it out in pieces of any size.
  std::size_t run(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{out_.get(), size_, used_};
    const std::size_t left = check(ZSTD_compressStream2(context_.get(), &out, &in, directive), "compressing");
    used_ = out.pos;
    if (used_ == size_) flush();
    return left;
  }

  void flush() {
    if (used_ > 0) below_.write(Bytes(out_.get(), used_));
    used_ = 0;
  }

  Sink& below_;
  std::unique_ptr<ZSTD_CCtx, Deleter<ZSTD_freeCCtx>> context_;
  std::size_t size_, used_ = 0;
  std::unique_ptr<char[]> out_;
};

class Decompressor final : public Sink {
 public:
  explicit Decompressor(Sink& below)
      : below_(below), context_(ZSTD_createDCtx()), size_(ZSTD_DStreamOutSize()), out_(buffer(size_)) {
    if (!context_) throw Error(ErrorKind::retryable, "decompressing", "not enough memory");
    check(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_window_log), "setting up decompression");
  }

  void write(Bytes data) override {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    bool more = !data.empty();
    while (more) {
      ZSTD_outBuffer out{out_.get(), size_, 0};
      wanted_ = check(ZSTD_decompressStream(context_.get(), &out, &in), "decompressing");
      if (out.pos > 0) below_.write(Bytes(out_.get(), out.pos));
      // A full buffer may hide more output, but not behind the end of a frame; asked again there, zstd would begin
      // another frame and this one would look cut.
      more = in.pos < in.size || (out.pos == size_ && wanted_ != 0);
    }
  }

  void finish() override {
    if (wanted_ != 0)
      throw Error(ErrorKind::permanent, "decompressing", "the compressed data ends in the middle of a frame");
    below_.finish();
  }

 private:
  Sink& below_;
  std::unique_ptr<ZSTD_DCtx, Deleter<ZSTD_freeDCtx>> context_;
  std::size_t size_, wanted_ = 1;  // 0 only behind a complete frame: no bytes at all are not complete either
  std::unique_ptr<char[]> out_;
};

}  // namespace

std::unique_ptr<Sink> zstd_compress(int level, Sink& below) {
  return std::make_unique<Compressor>(level, below);
}

std::unique_ptr<Sink> zstd_decompress(Sink& below) {
  return std::make_unique<Decompressor>(below);
}

}  // namespace lpbm::codec
