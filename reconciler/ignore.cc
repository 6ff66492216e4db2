#include "reconciler/ignore.h"

#include <algorithm>
#include <sstream>

namespace fairlead {
namespace {

// README.md lists the same.
constexpr const char* well_known[] = {"README.*",
                                      "readme.*",
                                      "CHANGELOG.*",
                                      "docker-compose*.yml",
                                      "docker-compose*.yaml",
                                      "compose*.yml",
                                      "compose*.yaml",
                                      "renovate.json",
                                      "package.json",
                                      "package-lock.json",
                                      "pnpm-lock.yaml",
                                      "pnpm-workspace.yaml",
                                      "composer.json",
                                      "tsconfig*.json",
                                      "mkdocs.yml",
                                      "mkdocs.yaml",
                                      "Taskfile.yml",
                                      "Taskfile.yaml",
                                      "kustomization.yml",
                                      "kustomization.yaml",
                                      "codecov.yml",
                                      "codecov.yaml",
                                      "azure-pipelines.yml",
                                      "azure-pipelines.yaml",
                                      "bitbucket-pipelines.yml",
                                      "bitbucket-pipelines.yaml"};

// Goes back to the last star alone where something does not fit, so that no pattern takes long.
// Behind a `**` that is the whole rest; behind a `*` no slash may be passed.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, read = 0;
  std::size_t star = pattern.npos, from = 0;    // behind the last `*`, and where it began to stand
  std::size_t stars = pattern.npos, begin = 0;  // the same of the last `**`
  while (read < text.size()) {
    if (pattern.substr(at, 2) == "**") {
      at += 2;
      stars = at;
      begin = read;
      star = pattern.npos;
    } else if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      from = read;
    } else if (at < pattern.size() &&
               (pattern[at] == text[read] || (pattern[at] == '?' && text[read] != '/'))) {
      ++at;
      ++read;
    } else if (star != pattern.npos && text[from] != '/') {
      at = star;
      read = ++from;
    } else if (stars != pattern.npos) {
      at = stars;
      read = ++begin;
      star = pattern.npos;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == pattern.npos;
}

// The whole path, or what stands behind one of its slashes.
bool fits_an_end(std::string_view pattern, std::string_view path) {
  for (;;) {
    if (fits(pattern, path)) return true;
    const std::size_t slash = path.find('/');
    if (slash == path.npos) return false;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

IgnoreList IgnoreList::parse(const std::string& text) {
  IgnoreList list;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = std::string(ignore_file) + ":" + std::to_string(++number);
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty() || line.front() == '#') continue;
    const Result<void> added = list.add(line, where);
    if (!added) list.errors_.push_back(added.error());
  }
  return list;
}

Result<void> IgnoreList::add(const std::string& line, const std::string& where) {
  if (line.empty() || line.front() == '!' || line.find_first_of("[\\") != line.npos) {
    return Error{Code::invalid,
                 "only *, ** and ? have a meaning in a pattern; \"!\", \"[\" and "
                 "\"\\\" are not understood, got " +
                     line,
                 where};
  }
  Pattern pattern{line, false, line.back() == '/', line + " (" + where + ")"};
  if (pattern.folders) pattern.text.pop_back();
  const bool anywhere = pattern.text.starts_with("**/");
  pattern.anchored = !anywhere && pattern.text.find('/') != line.npos;
  if (anywhere) pattern.text.erase(0, 3);
  if (pattern.text.starts_with('/')) pattern.text.erase(0, 1);
  if (!pattern.text.empty()) patterns_.push_back(std::move(pattern));
  return {};
}

// `path` itself, and each folder on the way to it.
bool IgnoreList::matches(const Pattern& pattern, std::string_view path) {
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string_view part = path.substr(0, end);
    const bool file = end == path.npos;
    const bool concerned = !file || !pattern.folders;
    const bool found =
        pattern.anchored ? fits(pattern.text, part) : fits_an_end(pattern.text, part);
    if (concerned && found) return true;
    if (file) return false;
  }
}

std::string IgnoreList::match(std::string_view path) const {
  const auto found = std::find_if(patterns_.begin(), patterns_.end(),
                                  [&](const Pattern& pattern) { return matches(pattern, path); });
  return found == patterns_.end() ? "" : found->where;
}

bool is_well_known(std::string_view path) {
  return std::any_of(std::begin(well_known), std::end(well_known),
                     [&](const char* pattern) { return fits_an_end(pattern, path); });
}

}  // namespace fairlead
