#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string_view>

// What the daemon is given to die of (tests/CMakeLists.txt): its reader of HTTP answers calls this
// for each header.
namespace fairlead::testing {

inline int fill_the_stack(int depth) {
  const volatile int end = -1;
  if (depth == end) return 0;
  volatile char room[1024];
  room[0] = static_cast<char>(depth);
  return fill_the_stack(depth + 1) + room[0];
}

template <typename Text>
void end_as_told(Text name, Text value) {
  if (std::string_view(name.data(), name.size()) != "X-Fault") return;
  const std::string_view how(value.data(), value.size());
  if (how == "stack") std::exit(fill_the_stack(0));
  if (how == "abort") std::abort();
  if (how == "throw") throw std::runtime_error("a fault that was planted");
}

}  // namespace fairlead::testing
