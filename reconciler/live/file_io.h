#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "reconciler/result.h"

// The few file system acts that the live parts share. Plain blocking functions for any thread;
// nothing is thrown.
namespace fairlead::live {

// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// "No space left on device": the words for an errno, safe in any thread.
std::string errno_text(int error);

// The whole content. Errors: not_found (no such file), invalid (longer than `bytes_max`),
// unavailable (anything else); the message names the path.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Everything from the descriptor's place on. Returns 0, or the errno; EFBIG when there is more than
// `bytes_max`.
int read_all(int fd, std::size_t bytes_max, std::string& content);

// Writes `name` below the folder `folder_fd` beside and renames it over, so that a reader sees the
// old content or the new one. With `durable` the content is on the disk before the rename. Returns
// 0 or the errno, and then nothing is left beside.
int write_atomic(int folder_fd, const std::string& name, std::string_view content, unsigned mode,
                 bool durable);

// Makes the folder and its missing parents (0755; the last one with `mode`). Returns 0 or the
// errno.
int make_folders(const std::string& path, unsigned mode);

// What to do about a failed write: "free some space" for a full disk, "mount it writable" for a
// read-only one.
std::string write_advice(int error);

}  // namespace fairlead::live
