#pragma once

#include <string>
#include <string_view>
#include <utility>

// A string that must not be seen: passwords, keys, contents of secret files. It has no stream
// operator and prints as `***`; reveal() is the one way to the text, so that every use can be found
// by name.
namespace fairlead {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  static std::string_view masked() { return "***"; }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

}  // namespace fairlead
