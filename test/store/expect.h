// What tests of a store expect of its errors.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/error.h"

namespace lpbm::store {

// The kind of the Error that `call` throws; `text` gets its words with its hint.
inline ErrorKind kind_of(const std::function<void()>& call, std::string* text = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (text) *text = std::string(error.what()) + " " + error.hint();
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return ErrorKind::usage;
}

}  // namespace lpbm::store
