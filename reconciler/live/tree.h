#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/live/file_io.h"
#include "reconciler/live/watch_set.h"

// A folder tree that others write to while it is read, opened once at its root. Everything beneath
// is opened through the kernel's own check (openat2 RESOLVE_BENEATH), so that no link leads out of
// it, unless the rules let it. Used by one thread at a time.
namespace fairlead::live {

struct TreeEntry {
  std::string path;    // relative to the root
  struct stat status;  // of the entry itself, a link is not followed; undefined with an error
  std::string error;   // why this file, or the whole folder at this path, cannot be read
};

class Tree {
 public:
  enum class Outcome {
    whole,      // every file is in `entries`, below one with an error, or in a part of too_large()
    changed,    // something vanished meanwhile: walk again
    too_large,  // the root itself lists more than the limits allow
  };
  // Of each first-level folder, and of what lies in the root directly.
  struct Limits {
    std::size_t files_max = 10'000;     // of wanted ones
    std::size_t entries_max = 100'000;  // of all that is listed
    int depth_max = 32;
  };
  struct Rules {
    bool folders = true;     // what is in folders below counts, too
    bool links_out = false;  // links may lead anywhere: where nobody writes but who owns the host
  };
  using Wanted = bool (*)(const std::string& name);

  // Errors: not_found (nothing at the path), unavailable.
  static Result<Tree> open(const std::string& root, Rules rules);

  // Lists the wanted files, sorted by path; names with a leading dot are left out. Each folder is
  // added to `watches` (where given) before it is listed. Links to folders inside are followed,
  // each folder once.
  Outcome walk(WatchSet* watches, Wanted wanted, std::vector<TreeEntry>& entries);

  // First-level folders ("": the root itself) of which the last walk() left out files, because they
  // hold more than the limits allow.
  const std::set<std::string>& too_large() const { return too_large_; }

  // Opens a regular file. Returns a negative errno instead of a descriptor where it cannot; -EINVAL
  // for what is no regular file.
  int open_file(const std::string& path, struct stat& status) const;

  // Whether the path still leads to this root.
  bool still_there() const;

 private:
  struct Folder {
    std::string path;
    int depth = 0;
  };
  Tree(std::string root, UniqueFd fd, Rules rules)
      : root_(std::move(root)), fd_(std::move(fd)), rules_(rules) {}
  int open_beneath(const std::string& path, int flags) const;
  Outcome list(const Folder& folder);
  Outcome take(const Folder& folder, const TreeEntry& entry, const std::string& name);
  void add(const TreeEntry& entry);
  Outcome take_link(const Folder& folder, const TreeEntry& entry, const std::string& name);
  void add_error(const std::string& path, std::string error);
  bool first_visit(const struct stat& status);

  std::string root_;
  UniqueFd fd_;
  Rules rules_;
  Limits limits_;
  std::set<std::string> too_large_;
  // Only during walk():
  WatchSet* watches_ = nullptr;
  Wanted wanted_ = nullptr;
  std::vector<TreeEntry>* entries_ = nullptr;
  struct Count {
    std::size_t files = 0;
    std::size_t listed = 0;
  };
  std::map<std::string, Count> counts_;  // first-level folder → what was found in it so far
  std::vector<Folder> folders_;          // still to be listed
  std::vector<Folder> linked_folders_;   // after all others, so that a folder's own path wins
  std::vector<std::pair<dev_t, ino_t>> visited_;
};

// What to say about a file or folder that open_file() or a listing refused with that errno.
std::string refusal_text(int error);

}  // namespace fairlead::live
