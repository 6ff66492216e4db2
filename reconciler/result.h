#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "reconciler/check.h"

// Errors as values. Exceptions stay at the edges (live/, around yaml-cpp) and become an Error
// there.
namespace fairlead {

// What the loop does next.
enum class Code {
  invalid,      // terminal until a file changes
  conflict,     // a person must act: a foreign object is in the way
  denied,       // credentials or policy refuse it
  not_found,    // the object is not there: look again
  unavailable,  // try later, with back-off
  internal,     // a defect in fairlead
};

const char* code_name(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;  // what was attempted, on what, what came back, what to do
  std::string where;    // "blog.yml:7:3", or empty

  // "blog.yml:7:3: message", or the message alone.
  std::string text() const { return where.empty() ? message : where + ": " + message; }
};

// A T or an Error. Asking for the one that is not there is a programmer error (FAIRLEAD_CHECK).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : held_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(held_); }
  explicit operator bool() const { return ok(); }

  const T& value() const& {
    FAIRLEAD_CHECK(ok());
    return std::get<T>(held_);
  }
  T& value() & {
    FAIRLEAD_CHECK(ok());
    return std::get<T>(held_);
  }
  T&& value() && {
    FAIRLEAD_CHECK(ok());
    return std::get<T>(std::move(held_));
  }
  const Error& error() const {
    FAIRLEAD_CHECK(!ok());
    return std::get<Error>(held_);
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  std::variant<T, Error> held_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    FAIRLEAD_CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace fairlead
