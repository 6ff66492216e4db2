#include "reconciler/live/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace fairlead::live {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

std::string errno_text(int error) { return std::generic_category().message(error); }

int read_all(int fd, std::size_t bytes_max, std::string& content) {
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    if (content.size() + static_cast<std::size_t>(got) > bytes_max) return EFBIG;
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.ok()) {
    const Code code = errno == ENOENT ? Code::not_found : Code::unavailable;
    return Error{code, "cannot open " + path + ": " + errno_text(errno), ""};
  }
  std::string content;
  const int error = read_all(fd.get(), bytes_max, content);
  if (error == EFBIG) {
    return Error{Code::invalid, path + " is larger than " + std::to_string(bytes_max) + " bytes",
                 ""};
  }
  if (error != 0)
    return Error{Code::unavailable, "cannot read " + path + ": " + errno_text(error), ""};
  return content;
}

namespace {

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

int write_beside(int folder_fd, const std::string& name, std::string_view content, unsigned mode,
                 bool durable) {
  const UniqueFd fd(::openat(folder_fd, name.c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd.ok()) return errno;
  if (::fchmod(fd.get(), mode) != 0) return errno;  // whatever the umask says
  const int error = write_all(fd.get(), content);
  if (error != 0) return error;
  return durable && ::fdatasync(fd.get()) != 0 ? errno : 0;
}

}  // namespace

int write_atomic(int folder_fd, const std::string& name, std::string_view content, unsigned mode,
                 bool durable) {
  const std::string beside = ".new-" + name;
  int error = write_beside(folder_fd, beside, content, mode, durable);
  if (error == 0 && ::renameat(folder_fd, beside.c_str(), folder_fd, name.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) ::unlinkat(folder_fd, beside.c_str(), 0);
  return error;
}

int make_folders(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return 0;
  if (errno != ENOENT) return errno;
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0) return ENOENT;
  const int error = make_folders(path.substr(0, slash), 0755);
  if (error != 0) return error;
  return ::mkdir(path.c_str(), mode) == 0 || errno == EEXIST ? 0 : errno;
}

std::string write_advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space on that disk";
    case EROFS:
      return "mount that file system writable";
    case EACCES:
    case EPERM:
      return "run fairlead as root, or give it that folder";
    default:
      return "check that disk";
  }
}

}  // namespace fairlead::live
