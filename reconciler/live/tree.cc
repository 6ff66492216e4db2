#include "reconciler/live/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "reconciler/first_level.h"

namespace fairlead::live {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

}  // namespace

std::string refusal_text(int error) {
  switch (error) {
    case EXDEV:
      return "a link that leads out of the folder";
    case ENOENT:
      return "a link to nothing";
    case EINVAL:
    case ENXIO:
    case ENODEV:
      return "not a regular file";
    default:
      return "cannot be opened: " + errno_text(error);
  }
}

Result<Tree> Tree::open(const std::string& root, Rules rules) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.ok()) return Tree(root, std::move(fd), rules);
  const Code code = errno == ENOENT ? Code::not_found : Code::unavailable;
  return Error{code, root + ": " + errno_text(errno), ""};
}

int Tree::open_beneath(const std::string& path, int flags) const {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  how.resolve = RESOLVE_NO_MAGICLINKS;
  if (!rules_.links_out) how.resolve |= RESOLVE_BENEATH;
  for (int attempts = 0;; ++attempts) {
    const long fd = ::syscall(SYS_openat2, fd_.get(), path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    // The kernel could not rule out a race with a rename somewhere.
    if ((errno != EAGAIN && errno != EINTR) || attempts == 100) return -errno;
  }
}

int Tree::open_file(const std::string& path, struct stat& status) const {
  UniqueFd fd(open_beneath(path, O_RDONLY));
  if (!fd.ok()) return fd.release();
  if (::fstat(fd.get(), &status) != 0) return -errno;
  return S_ISREG(status.st_mode) ? fd.release() : -EINVAL;
}

bool Tree::still_there() const {
  struct stat by_path;
  struct stat opened;
  return ::stat(root_.c_str(), &by_path) == 0 && ::fstat(fd_.get(), &opened) == 0 &&
         by_path.st_dev == opened.st_dev && by_path.st_ino == opened.st_ino;
}

bool Tree::first_visit(const struct stat& status) {
  const std::pair<dev_t, ino_t> folder(status.st_dev, status.st_ino);
  if (std::find(visited_.begin(), visited_.end(), folder) != visited_.end()) return false;
  visited_.push_back(folder);
  return true;
}

void Tree::add_error(const std::string& path, std::string error) {
  entries_->push_back(TreeEntry{path, {}, std::move(error)});
}

Tree::Outcome Tree::walk(WatchSet* watches, Wanted wanted, std::vector<TreeEntry>& entries) {
  watches_ = watches;
  wanted_ = wanted;
  entries_ = &entries;
  counts_.clear();
  too_large_.clear();
  visited_.clear();
  linked_folders_.clear();
  folders_.assign(1, Folder{"", 0});
  while (!folders_.empty()) {
    const Folder folder = folders_.back();
    folders_.pop_back();
    const Outcome outcome = list(folder);
    if (outcome != Outcome::whole) return outcome;
    if (!folders_.empty() || linked_folders_.empty()) continue;
    std::sort(linked_folders_.begin(), linked_folders_.end(),
              [](const Folder& a, const Folder& b) { return a.path > b.path; });
    folders_.push_back(linked_folders_.back());
    linked_folders_.pop_back();
  }
  std::sort(entries.begin(), entries.end(),
            [](const TreeEntry& a, const TreeEntry& b) { return a.path < b.path; });
  return Outcome::whole;
}

Tree::Outcome Tree::list(const Folder& folder) {
  if (folder.depth > limits_.depth_max) {
    add_error(folder.path, "deeper than " + std::to_string(limits_.depth_max) + " folders");
    return Outcome::whole;
  }
  const std::string part = folder.path.empty() ? "" : first_level(folder.path + "/");
  if (!part.empty() && too_large_.count(part) > 0) return Outcome::whole;
  if (watches_ != nullptr) watches_->add_folder(join(root_, folder.path));
  UniqueFd fd(open_beneath(folder.path.empty() ? "." : folder.path, O_RDONLY | O_DIRECTORY));
  struct stat status;
  if (!fd.ok() || ::fstat(fd.get(), &status) != 0) {
    const int error = fd.ok() ? errno : -fd.get();
    if (error == ENOENT || error == ENOTDIR) return Outcome::changed;
    add_error(folder.path, "cannot be listed: " + errno_text(error));
    return Outcome::whole;
  }
  if (!first_visit(status)) return Outcome::whole;
  const Dir dir(::fdopendir(fd.release()));
  if (!dir) return Outcome::changed;
  errno = 0;
  while (const dirent* found = ::readdir(dir.get())) {
    const std::string name = found->d_name;
    if (name.front() == '.') continue;
    if (++counts_[part].listed > limits_.entries_max) {
      too_large_.insert(part);
      return part.empty() ? Outcome::too_large : Outcome::whole;
    }
    TreeEntry entry{join(folder.path, name), {}, ""};
    if (::fstatat(::dirfd(dir.get()), name.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW) != 0)
      return Outcome::changed;
    const Outcome outcome = take(folder, entry, name);
    if (outcome != Outcome::whole) return outcome;
    errno = 0;
  }
  if (errno != 0) add_error(folder.path, "cannot be listed: " + errno_text(errno));
  return Outcome::whole;
}

Tree::Outcome Tree::take(const Folder& folder, const TreeEntry& entry, const std::string& name) {
  if (S_ISLNK(entry.status.st_mode)) return take_link(folder, entry, name);
  if (S_ISDIR(entry.status.st_mode)) {
    if (rules_.folders) folders_.push_back(Folder{entry.path, folder.depth + 1});
  } else if (wanted_(name)) {
    add(entry);
  }
  return Outcome::whole;
}

void Tree::add(const TreeEntry& entry) {
  const std::string part = first_level(entry.path);
  if (++counts_[part].files > limits_.files_max) {
    too_large_.insert(part);
  } else {
    entries_->push_back(entry);
  }
}

Tree::Outcome Tree::take_link(const Folder& folder, const TreeEntry& entry,
                              const std::string& name) {
  if (watches_ != nullptr) watch_way(*watches_, join(root_, entry.path), true);
  const UniqueFd fd(open_beneath(entry.path, O_RDONLY | O_DIRECTORY));
  if (fd.ok()) {
    if (rules_.folders) linked_folders_.push_back(Folder{entry.path, folder.depth + 1});
    return Outcome::whole;
  }
  struct stat target;
  const bool leads_out = fd.get() == -EXDEV;
  if (leads_out && ::stat(join(root_, entry.path).c_str(), &target) == 0 &&
      S_ISDIR(target.st_mode)) {
    add_error(entry.path, refusal_text(EXDEV));
  } else if (wanted_(name)) {
    add(entry);
  }
  return Outcome::whole;
}

}  // namespace fairlead::live
