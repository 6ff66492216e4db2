#include "reconciler/live/open_writers.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace fairlead::live {

namespace {

constexpr long kCifs = 0xff534d42;
constexpr long kSmb2 = 0xfe534d42;

// There a lease is the server's to give, and that it gives none says nothing.
bool is_remote(int fd) {
  struct statfs status;
  if (::fstatfs(fd, &status) != 0) return true;
  const auto type = static_cast<long>(status.f_type);
  return type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifs || type == kSmb2;
}

}  // namespace

bool has_writer(int fd) {
  // Who opens it for writing meanwhile sends a signal, which by default would end the process.
  if (::fcntl(fd, F_SETSIG, SIGURG) != 0) return false;
  return ::fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN && !is_remote(fd);
}

void OpenWriters::begin() { reading_.clear(); }

bool OpenWriters::waits(int fd, const std::string& path) {
  if (!has_writer(fd)) return false;
  const auto now = Clock::now();
  const auto known = since_.find(path);
  const auto since = known == since_.end() ? now : known->second;
  reading_[path] = since;
  if (now < since + patience_) return true;
  if (told_.insert(path).second) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(patience_);
    warnings_.push_back(path + ": has been open for writing for " + std::to_string(waited.count()) +
                        " s, and is read as it is; write beside it and rename into place");
  }
  return false;
}

void OpenWriters::commit() {
  since_ = std::move(reading_);
  reading_.clear();
  std::erase_if(told_, [&](const std::string& path) { return since_.count(path) == 0; });
}

OpenWriters::Clock::time_point OpenWriters::due() const {
  auto first = Clock::time_point::max();
  for (const auto& [path, since] : since_) {
    if (told_.count(path) == 0) first = std::min(first, since + patience_);
  }
  return first;
}

std::vector<std::string> OpenWriters::take_warnings() { return std::exchange(warnings_, {}); }

}  // namespace fairlead::live
