#include "reconciler/live/git_revision.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>

namespace fairlead::live {

namespace {

namespace fs = std::filesystem;

constexpr int kParents = 3;
constexpr std::size_t kPackedRefsMax = 16u << 20;

std::string first_line(const fs::path& path) {
  const Result<std::string> text = read_file(path.string(), 4096);
  return text ? text->substr(0, text->find('\n')) : "";
}

std::string commit_or_nothing(const std::string& text) {
  const bool hex =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  return hex && (text.size() == 40 || text.size() == 64) ? text : "";
}

std::string after_prefix(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0 ? text.substr(prefix.size()) : "";
}

std::string packed_ref(const fs::path& common, const std::string& ref) {
  const Result<std::string> text = read_file((common / "packed-refs").string(), kPackedRefsMax);
  if (!text) return "";
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos && line.compare(space + 1, std::string::npos, ref) == 0)
      return commit_or_nothing(line.substr(0, space));
  }
  return "";
}

void watch_ref(WatchSet* watches, const fs::path& git, const fs::path& common,
               const std::string& ref) {
  if (watches == nullptr) return;
  watches->add_name(git.string(), "HEAD", false);
  if (ref.empty()) return;
  const fs::path file = common / ref;
  watches->add_name(file.parent_path().string(), file.filename().string(), false);
  watches->add_name(common.string(), "packed-refs", false);
}

std::string revision_of(const fs::path& git, WatchSet* watches) {
  const std::string head = first_line(git / "HEAD");
  const std::string ref = after_prefix(head, "ref: ");
  const std::string shared = first_line(git / "commondir");
  const fs::path common = shared.empty() ? git : (git / shared).lexically_normal();
  if (ref.empty() || after_prefix(ref, "refs/").empty() || ref.find("..") != std::string::npos) {
    watch_ref(watches, git, common, "");
    return commit_or_nothing(head);
  }
  watch_ref(watches, git, common, ref);
  const std::string loose = commit_or_nothing(first_line(common / ref));
  return loose.empty() ? packed_ref(common, ref) : loose;
}

// The git folder that `.git` in `folder` is or points to; empty where there is none.
fs::path git_folder(const fs::path& folder) {
  const fs::path dot_git = folder / ".git";
  struct stat status;
  if (::stat(dot_git.c_str(), &status) != 0) return {};
  if (S_ISDIR(status.st_mode)) return dot_git;
  const std::string to = after_prefix(first_line(dot_git), "gitdir: ");
  return to.empty() ? fs::path() : (folder / to).lexically_normal();
}

bool above(fs::path folder, WatchSet* watches, std::string& revision) {
  for (int level = 0; level <= kParents; ++level) {
    const fs::path git = git_folder(folder);
    if (!git.empty()) {
      revision = revision_of(git, watches);
      // git-sync names a worktree after its commit; its main repository may lie where we cannot see
      // it.
      if (revision.empty()) revision = commit_or_nothing(git.filename().string());
      return true;
    }
    if (folder == folder.parent_path()) return false;
    folder = folder.parent_path();
  }
  return false;
}

}  // namespace

std::string git_revision(const std::string& folder, WatchSet* watches) {
  std::error_code error;
  std::string revision;
  const fs::path resolved = fs::canonical(folder, error);
  if (!error && above(resolved, watches, revision)) return revision;
  above(fs::path(folder).lexically_normal(), watches, revision);
  return revision;
}

}  // namespace fairlead::live
