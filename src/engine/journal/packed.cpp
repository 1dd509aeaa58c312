#include "journal/packed.h"

#include "base/error.h"
#include "codec/zstd.h"

namespace lpbm::journal {
namespace {

constexpr std::string_view zstd_magic{"\x28\xb5\x2f\xfd", 4};
constexpr std::size_t max_size = std::size_t{1} << 30;
constexpr const char* step = "reading the journal";

class BoundedText final : public Sink {
 public:
  void write(Bytes data) override {
    if (data.size() > max_size - text.size())
      throw Error(ErrorKind::permanent, step, "it is larger than " + std::to_string(max_size) + " bytes");
    text.append(data);
  }
  void finish() override {}
  std::string text;
};

}  // namespace

std::string unpack(std::string bytes) {
  if (!bytes.starts_with(zstd_magic)) return bytes;
  BoundedText out;
  try {
    const auto filter = codec::zstd_decompress(out);
    filter->write(bytes);
    filter->finish();
  } catch (const Error& error) {
    if (error.step() == step) throw;
    throw Error(error.kind(), step, error.cause(),
                "The file is not whole: save the mail's attachment again, or use another copy.");
  }
  return std::move(out.text);
}

}  // namespace lpbm::journal
