#pragma once

#include <memory>
#include <utility>

// A value whose copies are the same object until one of them is edited: what is large, is copied
// with each observation, and seldom changes. Not for two threads that edit.
namespace fairlead {

template <typename T>
class Shared {
 public:
  Shared() : value_(nothing()) {}
  Shared(T value) : value_(std::make_shared<T>(std::move(value))) {}  // NOLINT

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  // Its own, from here on.
  T& edit() {
    if (value_.use_count() > 1) value_ = std::make_shared<T>(*value_);
    return *value_;
  }

  bool operator==(const Shared& other) const {
    return value_ == other.value_ || *value_ == *other.value_;
  }

 private:
  static std::shared_ptr<T> nothing() {
    static const auto empty = std::make_shared<T>();
    return empty;
  }

  std::shared_ptr<T> value_;  // never null; whoever shares it only reads
};

}  // namespace fairlead
