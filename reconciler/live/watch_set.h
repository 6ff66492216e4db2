#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "reconciler/live/file_io.h"

// The inotify watches of one tree, made anew by each reading: begin(), add() for each folder
// *before* it is listed, commit(). A watch that the reading did not renew ends at commit(). The
// reading runs on a pool thread while the loop's thread drains: both may call. Invariant: a change
// after a folder was added is reported by drain(), or the set is `exhausted()` and someone must
// poll.
namespace fairlead::live {

class WatchSet {
 public:
  WatchSet();
  int fd() const { return fd_.get(); }  // -1 where the system gives none

  void begin();
  // Every name in the folder that does not begin with a dot matters, and so does the folder's own
  // end.
  void add_folder(const std::string& path);
  // This one name in the folder matters, whatever it begins with. `content`: also when it is
  // written to.
  void add_name(const std::string& folder, const std::string& name, bool content);
  void commit();

  // Reads all that is there without blocking. True when something that matters may have changed.
  bool drain();

  // Why changes may go unseen (a limit of the system is reached); empty when they do not.
  std::string exhausted() const;

 private:
  struct Filter {
    bool visible = false;         // all names without a leading dot
    std::set<std::string> names;  // and these
    std::uint64_t generation = 0;
  };
  void add(const std::string& path, std::uint32_t mask, const std::string* name);
  bool matters(int watch, std::uint32_t mask, const char* name) const;

  mutable std::mutex mutex_;
  UniqueFd fd_;
  std::map<int, Filter> filters_;  // watch descriptor → what matters there; absent: everything
  std::uint64_t generation_ = 0;
  std::string exhausted_;
};

// Watches each folder on the way to `path` for the next component's name, through symbolic links,
// down to the first that is missing: so that a root that appears, vanishes or is re-pointed
// anywhere on its way is seen. `content`: writes to the last component matter, too.
void watch_way(WatchSet& watches, const std::string& path, bool content);

}  // namespace fairlead::live
