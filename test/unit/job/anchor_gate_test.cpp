#include "job/anchor_gate.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "codec/crypto.h"
#include "csvlog/record.h"

namespace lpbm::job {
namespace {

const std::string nonce = "000102030405060708090a0b0c0d0e0f";

TEST(AnchorMessage, CarriesAMacOverItsNonce) {
  const std::string message = anchor_message(std::string(32, 'k'), nonce);
  const std::string mac = to_hex(codec::hmac_sha256(std::string(32, 'k'), "lpbm anchor\n" + nonce)).substr(0, 32);
  EXPECT_EQ(message, "anchor " + nonce + " " + mac);
}

TEST(Nonces, OfCutsAreTold) {
  const std::string cut = cut_nonce();
  EXPECT_EQ(cut.size(), 32U);
  EXPECT_TRUE(csvlog::is_cut(cut));
  EXPECT_NE(cut, cut_nonce());
  EXPECT_FALSE(csvlog::is_cut(nonce));
  EXPECT_FALSE(csvlog::is_cut(next_nonce(nonce)));
  EXPECT_EQ(next_nonce(nonce).size(), 32U);
  EXPECT_NE(next_nonce(next_nonce(nonce)), next_nonce(nonce));
}

}  // namespace
}  // namespace lpbm::job
