#include "reconciler/quarantine.h"

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <sstream>

namespace fairlead {
namespace {

thread_local const Blame::Words* current = nullptr;

std::string digest(std::string_view text) {
  char digits[17];
  const std::uint64_t hash = std::hash<std::string_view>()(text);
  std::snprintf(digits, sizeof digits, "%016" PRIx64, hash);
  return digits;
}

template <std::size_t size>
void copy(const std::string& text, char (&to)[size]) {
  const std::size_t length = std::min(text.size(), size - 1);
  std::copy_n(text.data(), length, to);
  to[length] = '\0';
}

}  // namespace

std::string version_of(std::string_view text) {
  return digest(std::string(text) + "\n" + FAIRLEAD_VERSION);
}

Suspect file_suspect(const std::string& path, std::string_view text) {
  return {"@" + digest(path), version_of(text)};
}

Blame::Blame(const Suspect& suspect) : outer_(current) {
  copy(suspect.name, words_.name);
  copy(suspect.version + "\n", words_.line);
  current = suspect.name.empty() ? nullptr : &words_;
}

Blame::~Blame() { current = outer_; }

const Blame::Words* Blame::of_this_thread() { return current; }

void Quarantine::restore(const std::string& name, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) ++deaths_[name][line];
}

int Quarantine::deaths(const Suspect& suspect) const {
  const auto found = deaths_.find(suspect.name);
  if (found == deaths_.end()) return 0;
  const auto version = found->second.find(suspect.version);
  return version == found->second.end() ? 0 : version->second;
}

}  // namespace fairlead
