#pragma once

#include <map>
#include <string>
#include <vector>

// What a full listing shows of one app's objects, and how two of them differ, for the log. Pure.
namespace fairlead {

// Object → how it is, as far as anything depends on it.
using Listing = std::map<std::string, std::string>;

enum class Shown { whole, names };  // names: how an object is would tell secrets

// One short text a change: "container blog.web.3f9c2a1b: running → exited".
inline std::vector<std::string> differences(const Listing& was, const Listing& is, Shown shown) {
  std::vector<std::string> texts;
  for (const auto& [name, state] : is) {
    const auto found = was.find(name);
    if (found == was.end()) {
      texts.push_back(name + " appeared");
    } else if (found->second != state) {
      texts.push_back(shown == Shown::names ? name + " changed"
                                            : name + ": " + found->second + " → " + state);
    }
  }
  for (const auto& [name, state] : was) {
    if (is.count(name) == 0) texts.push_back(name + " vanished");
  }
  return texts;
}

}  // namespace fairlead
