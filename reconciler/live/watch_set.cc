#include "reconciler/live/watch_set.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <deque>
#include <vector>

namespace fairlead::live {

namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::uint32_t kContents = kNames | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB;
constexpr int kLinksMax = 40;  // as the kernel's own limit

void push_components(std::deque<std::string>& components, const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (slash > at) parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  components.insert(components.begin(), parts.begin(), parts.end());
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

}  // namespace

WatchSet::WatchSet() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!fd_.ok()) exhausted_ = "inotify: " + errno_text(errno);
}

void WatchSet::begin() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  if (fd_.ok()) exhausted_.clear();
}

void WatchSet::add_folder(const std::string& path) { add(path, kContents, nullptr); }

void WatchSet::add_name(const std::string& folder, const std::string& name, bool content) {
  add(folder, content ? kContents : kNames, &name);
}

void WatchSet::add(const std::string& path, std::uint32_t mask, const std::string* name) {
  const std::lock_guard lock(mutex_);
  if (!fd_.ok()) return;
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
  if (watch < 0) {
    // A folder that vanished or cannot be read is told by the reading; its parent is watched.
    if (errno == ENOSPC || errno == ENOMEM)
      exhausted_ = "inotify: no watch left (fs.inotify.max_user_watches)";
    return;
  }
  Filter& filter = filters_[watch];
  if (filter.generation != generation_) filter = Filter{false, {}, generation_};
  if (name == nullptr) {
    filter.visible = true;
  } else {
    filter.names.insert(*name);
  }
}

void WatchSet::commit() {
  const std::lock_guard lock(mutex_);
  for (auto filter = filters_.begin(); filter != filters_.end();) {
    if (filter->second.generation == generation_) {
      ++filter;
    } else {
      ::inotify_rm_watch(fd_.get(), filter->first);
      filter = filters_.erase(filter);
    }
  }
}

bool WatchSet::matters(int watch, std::uint32_t mask, const char* name) const {
  if ((mask & IN_Q_OVERFLOW) != 0) return true;
  if ((mask & IN_IGNORED) != 0) return false;  // the end of a watch follows what ended it
  const auto filter = filters_.find(watch);
  if (filter == filters_.end()) return false;  // left over from a watch that ended
  if (name[0] == '\0') return (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
  return (filter->second.visible && name[0] != '.') || filter->second.names.count(name) != 0;
}

bool WatchSet::drain() {
  const std::lock_guard lock(mutex_);
  bool matter = false;
  alignas(inotify_event) char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer, sizeof buffer);
    if (got <= 0) return matter;
    for (const char* at = buffer; at < buffer + got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      const char* name = event->len > 0 ? event->name : "";
      matter = matter || matters(event->wd, event->mask, name);
      if ((event->mask & IN_IGNORED) != 0) filters_.erase(event->wd);
      at += sizeof(inotify_event) + event->len;
    }
  }
}

std::string WatchSet::exhausted() const {
  const std::lock_guard lock(mutex_);
  return exhausted_;
}

void watch_way(WatchSet& watches, const std::string& path, bool content) {
  std::deque<std::string> rest;
  push_components(rest, path);
  std::string folder = "/";
  for (int links = 0; !rest.empty();) {
    const std::string name = rest.front();
    rest.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      folder = parent_of(folder);
      continue;
    }
    watches.add_name(folder, name, content && rest.empty());
    std::string here = folder;
    if (here.back() != '/') here += '/';
    here += name;
    struct stat status;
    if (::lstat(here.c_str(), &status) != 0) return;
    if (!S_ISLNK(status.st_mode)) {
      folder = here;
      continue;
    }
    char target[PATH_MAX];
    const ssize_t size = ::readlink(here.c_str(), target, sizeof target);
    if (size <= 0 || ++links > kLinksMax) return;
    const std::string to(target, static_cast<std::size_t>(size));
    if (to.front() == '/') folder = "/";
    push_components(rest, to);
  }
}

}  // namespace fairlead::live
