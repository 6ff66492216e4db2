#pragma once

#include <map>
#include <memory>
#include <string>

#include "reconciler/live/tree.h"
#include "reconciler/world.h"

// Reads the manifest folder, the secret source folder and the certificate folders whole. Of the
// latter what lies in them directly, and through links that lead anywhere, because that is how
// certificates are kept (blog.example.org.crt → /etc/letsencrypt/live/…): only root may write
// there. Remembers what it read, so that
// unchanged files keep their text without being read again. Used by one thread at a time. Nothing
// is thrown; whatever fails is said in the reading. Invariants: (1) a reading that is `ok` holds
// every manifest of one moment, or an error entry for the path that hides some: one that is
// larger than the limits allow hides all of its first-level folder, and no other's; (2) a folder
// that changes while it is read is read again, and is `unreadable` when it does not come to rest.
namespace fairlead::live {

class FolderReader {
 public:
  // Each but the first may be empty: none. `acme`: what fairlead's own ACME client has got.
  struct Folders {
    std::string manifests;
    std::string secrets{};
    std::string certificates{};
    std::string acme{};
    bool operator==(const Folders&) const = default;
  };
  explicit FolderReader(const Folders& folders);

  // With `watches`, everything that could change the next reading is watched when this returns.
  std::shared_ptr<const FolderReading> read(WatchSet* watches);

 private:
  // What a file must still have for its text to be taken over unread.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t modified = 0;  // ns
    std::int64_t changed = 0;   // ns
    bool operator==(const Identity&) const = default;
  };
  struct Known {
    Identity identity;
    bool settled = false;  // old enough that a later write has another time stamp
    std::shared_ptr<const std::string> text;
  };
  using Cache = std::map<std::string, Known>;  // relative path → the file as last read
  // A folder of which only the contents count: what cannot be read is not there.
  struct Store {
    std::string root;    // empty: none
    std::string prefix;  // of its paths in the reading
    Tree::Rules rules;
    Tree::Wanted wanted;
    std::size_t bytes_max;  // of one file
    Cache cache{};
  };

  enum class Once { done, again };
  Once read_once(WatchSet* watches, FolderReading& reading);
  Once read_manifests(Tree& tree, WatchSet* watches, FolderReading& reading);
  bool add_ignore_file(Tree& tree, WatchSet* watches, std::vector<TreeEntry>& entries,
                       FolderReading& reading) const;
  static Once read_store(WatchSet* watches, Store& store, std::map<std::string, Secret>& contents);
  // False when the file vanished meanwhile. `text` stays null where `error` is set.
  static bool read_entry(const Tree& tree, const TreeEntry& entry, std::size_t bytes_max,
                         const Cache& before, Cache& after, ManifestFile& file);
  static Identity identity_of(const struct stat& status);

  const std::string manifests_;
  Cache manifest_cache_;
  Store secrets_;
  Store certificates_;
  Store acme_;
};

// Whether a program that has seen `a` would see anything new in `b`.
bool same_reading(const FolderReading& a, const FolderReading& b);

}  // namespace fairlead::live
