#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

// Which files somebody still has open for writing, and how long they have been waited for: what
// stands in such a file may be the half of it. Asked of the kernel by a read lease (fcntl(2),
// F_SETLEASE), which tells of writers that were there before us, too; it needs the file's owner or
// CAP_LEASE. Where a file system or the kernel does not tell, nobody writes. Used by one thread at
// a time.
namespace fairlead::live {

// Of a regular file open for reading. Where the answer is no, whoever opens it for writing before
// it is closed waits until then: so it is to be read at once, and closed.
bool has_writer(int fd);

class OpenWriters {
 public:
  using Clock = std::chrono::steady_clock;

  explicit OpenWriters(std::chrono::milliseconds patience) : patience_(patience) {}

  void begin();  // a reading
  // Whether the file of this path is to be waited for. After `patience` it is not any more, and
  // warnings() says so once.
  bool waits(int fd, const std::string& path);
  void commit();  // what the reading did not ask about is forgotten

  // When the first of those that are waited for has been for long enough; max(): none is.
  Clock::time_point due() const;
  std::vector<std::string> take_warnings();

 private:
  const std::chrono::milliseconds patience_;
  std::map<std::string, Clock::time_point> since_;    // path → seen first
  std::map<std::string, Clock::time_point> reading_;  // likewise, of the reading under way
  std::set<std::string> told_;
  std::vector<std::string> warnings_;
};

}  // namespace fairlead::live
