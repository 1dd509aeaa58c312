#include "store/http.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "store/store.h"

namespace lpbm::store {
namespace {

TEST(Http, an_address_is_read_with_its_port_and_path) {
  EXPECT_EQ(parse_address("http://peer", 9094).url, "http://peer:9094");
  EXPECT_EQ(parse_address("https://peer:1234/", 9094).url, "https://peer:1234");
  EXPECT_EQ(parse_address("http://[::1]:5001/a/b/", 9094).url, "http://[::1]:5001/a/b");
  EXPECT_EQ(parse_address("http://peer:1", 9094).host, "peer");
}

TEST(Http, what_is_no_address_is_refused) {
  for (const char* text : {"", "peer", "ftp://peer", "http://", "http://user:secret@peer", "http://peer/?a=b",
                           "http://peer:99999", "http://peer#x"})
    EXPECT_THROW(parse_address(text, 1), Error) << text;
}

TEST(Http, names_are_escaped_for_a_query) {
  EXPECT_EQ(url_escape("lpbm/shop/2026-11-21T01:48:34Z-full/dump@3 &"),
            "lpbm%2Fshop%2F2026-11-21T01%3A48%3A34Z-full%2Fdump%403%20%26");
}

TEST(Http, a_secret_with_a_colon_is_user_and_password_another_a_token) {
  const std::string path = std::filesystem::temp_directory_path() / ("lpbm-secret-" + std::to_string(::getpid()));
  const auto write = [&](const char* text, mode_t mode) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
  };
  write("lpbm:word\n", 0600);
  EXPECT_EQ(read_credentials(path).user_password, "lpbm:word");
  write("a.b.c\n", 0600);
  EXPECT_EQ(read_credentials(path).token, "a.b.c");
  write("\n", 0600);
  EXPECT_THROW(read_credentials(path), Error);
  write("lpbm:word\n", 0644);
  EXPECT_THROW(read_credentials(path), Error);
  EXPECT_TRUE(read_credentials("").user_password.empty());
  std::filesystem::remove(path);
}

TEST(IpfsStore, opens_only_what_can_be) {
  Options options;
  options.site = "site";
  for (const char* url : {"ipfs+http://", "ipfs+http://user:secret@peer", "ipfs+ftp://peer", "ipfs+http://a,,b/?x"}) {
    options.url = url;
    EXPECT_THROW(open(options), Error) << url;
  }
  options.url = "ipfs+http://a:1,b";
  EXPECT_NO_THROW(open(options));
  options.replication_min = 4;
  EXPECT_THROW(open(options), Error);
}

}  // namespace
}  // namespace lpbm::store
