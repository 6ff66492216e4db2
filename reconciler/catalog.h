#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/ignore.h"
#include "reconciler/quarantine.h"
#include "reconciler/world.h"

// Which apps are wanted, as the manifest folder says it over time: identity by name and not by
// path, the first owner of a name keeps it, a broken file freezes its apps on their last good
// version, and an app is gone only when a whole, unbroken reading lacks it. A value without I/O,
// owned by the Reconciler.
namespace fairlead {

// The last good copy of a manifest, as kept in the state folder ("manifests/<app>.json").
struct LastGood {
  std::string name;
  std::string text;  // as encode_last_good() made it
};

class Catalog {
 public:
  struct Entry {
    std::shared_ptr<const App> app;  // the last good version
    std::string source;              // path of its file, relative to the folder
    std::string text;                // canonical JSON: two equal ones are the same manifest
    std::vector<Error>
        errors;           // why the file's newer version is not used; empty: it is as in the file
    bool listed = false;  // in the last reading, whole or broken
    std::vector<std::string> doubles;  // other files that claim the name
    // Wall time of the first whole reading without it, in an earlier run maybe; nothing: listed.
    std::optional<Duration> absent_since;
  };

  // Takes the copies of an earlier run, before the first reading. Damaged copies are left out.
  void restore(const std::vector<LastGood>& copies);
  // Files that ended an earlier run are not read.
  void leave_out(Quarantine quarantine) { quarantine_ = std::move(quarantine); }

  struct Change {
    std::set<std::string> changed;  // apps that are new or differ, errors included
    std::set<std::string> saved;    // of these, apps whose last good version is new: to be written
    std::set<std::string> absent;   // apps that are absent since now, or no more: likewise
  };
  // `ignore`: what the platform file has of patterns, beside the folder's own list.
  // `wall`: when it was read.
  Change read(const FolderReading& reading, const std::vector<std::string>& ignore = {},
              Duration wall = {});

  const std::map<std::string, Entry>& entries() const { return entries_; }

  // Files that hold no usable app: path → its errors. Broken files of known apps are listed here
  // too, and folders that cannot be read, for all that is in them.
  const std::map<std::string, std::vector<Error>>& broken() const { return broken_; }

  // Files of the last reading that are no manifests: path → why.
  const std::map<std::string, std::string>& ignored() const { return ignored_; }

  // Names of apps that the last reading no longer has.
  std::vector<std::string> absent() const;
  // Why nothing may be removed now; empty: absence means removal, but for those that are held.
  const std::string& hold() const { return hold_; }
  // Why this app may not be removed though others may: something in its first-level folder cannot
  // be read. One of which no folder is known is held by each.
  std::string held(const std::string& name) const;
  bool was_read() const { return was_read_; }
  // Whether the reading had any manifest at all.
  bool empty_reading() const { return empty_reading_; }

  // The app is removed: forgets it.
  void forget(const std::string& name);

 private:
  struct Parsed {
    std::shared_ptr<const std::string> text;
    ParsedManifest manifest;
    bool listed = false;  // in the last reading
  };
  const ParsedManifest& parsed(const ManifestFile& file);
  const std::vector<Error>* broken_for(const std::string& source) const;
  std::vector<ManifestFile> manifests_of(const FolderReading& reading,
                                         const std::vector<std::string>& ignore);
  bool is_foreign(const ManifestFile& file);
  void find_owners(const std::vector<ManifestFile>& files);
  void take_file(const ManifestFile& file, const ParsedManifest& manifest, Change& change);
  static void freeze(Entry& entry, const std::vector<Error>& errors, Change& change);
  void take_app(const std::string& path, const ParsedApp& parsed, Change& change);

  std::map<std::string, Entry> entries_;       // app name → entry
  std::map<std::string, std::string> owners_;  // app name → path that owns it in this reading
  std::map<std::string, Parsed> cache_;        // path → what its text parsed to
  std::map<std::string, std::vector<Error>> broken_;
  std::map<std::string, std::string> ignored_;
  Quarantine quarantine_;
  std::string hold_ = "the manifests have not been read yet";
  bool was_read_ = false;
  bool empty_reading_ = true;
};

std::string encode_last_good(const Catalog::Entry& entry);

}  // namespace fairlead
