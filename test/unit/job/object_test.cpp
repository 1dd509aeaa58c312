#include "job/object.h"

#include "unit/job/site_fixture.h"

namespace lpbm::job {
namespace {

class ObjectTest : public test::WithSite {
 protected:
  ObjectOptions options(std::optional<int> level, bool aes) {
    ObjectOptions out{"dump", "lpbm/here/x/dump", level, {identity_.recipient}, false};
    if (aes) out.aes = key_;
    return out;
  }
  std::shared_ptr<const codec::AesCbcKey> key_ =
      std::make_shared<const codec::AesCbcKey>("secret", std::string(16, 's'));
  std::string content_ = std::string(100000, 'x') + "end";
};

TEST_F(ObjectTest, ComesBackAsItWasInEachCodec) {
  codec::AgeKeys keys;
  keys.identities = {identity_.secret};
  keys.passphrase = "secret";
  const struct {
    std::optional<int> level;
    bool aes;
    const char* name;
  } codecs[] = {{1, false, "age+zstd"},
                {std::nullopt, false, "age"},
                {1, true, "aes-256-cbc+zstd"},
                {std::nullopt, true, "aes-256-cbc"}};
  for (const auto& codec : codecs) {
    const journal::Object object = store_object(*store_, options(codec.level, codec.aes), content_);
    EXPECT_EQ(object.codec, codec.name);
    EXPECT_EQ(object.plain_size, content_.size());
    EXPECT_EQ(fetch_text(*store_, object, keys), content_);
  }
}

TEST_F(ObjectTest, InAes256CbcIsOpenedByThePassphraseAlone) {
  const journal::Object object = store_object(*store_, options(std::nullopt, true), content_);
  EXPECT_EQ(object.size, 32 + (content_.size() / 16 + 1) * 16) << "as other tools write it";
  codec::AgeKeys keys;
  keys.identities = {identity_.secret};
  EXPECT_NE(test::error_of([&] { fetch_text(*store_, object, keys); }).cause().find("encrypted with the passphrase"),
            std::string::npos);
  keys.passphrase = "secret";
  journal::Object other = object;
  other.sha256[0] = other.sha256[0] == '0' ? '1' : '0';
  EXPECT_EQ(test::error_of([&] { fetch_text(*store_, other, keys); }).cause(),
            "size or SHA-256 of the stored bytes differ from the journal");
  other = object;
  other.codec = "rot13";
  EXPECT_EQ(test::error_of([&] { fetch_text(*store_, other, keys); }).cause(),
            "its codec rot13 is not known to this version");
}

}  // namespace
}  // namespace lpbm::job
