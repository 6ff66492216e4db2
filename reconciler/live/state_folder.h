#pragma once

#include <string>
#include <vector>

#include "reconciler/catalog.h"
#include "reconciler/live/file_io.h"
#include "reconciler/secret.h"

// The daemon's own folder: who this installation is, its key, and for each app the last good
// copy of its manifest, the image that was chosen for it, what its image says and what came of its
// revisions. Opened once at start by the program, which owns it for as long as it acts on the host:
// the lock in it makes a second instance impossible. Losing all but the key loses nothing that
// runs; jobs whose containers are gone as well would run once more.
namespace fairlead::live {

class StateFolder {
 public:
  enum class Mode {
    own,   // make what is missing and hold the lock
    look,  // write nothing and take no lock; without an identity on the disk, one for this process
           // only
  };

  // Errors: conflict (another instance holds it; names its pid), denied (a key that others can
  // read, or no permission), unavailable (a full or read-only disk); each says what to do.
  static Result<StateFolder> open(const std::string& path, Mode mode);

  const std::string& installation() const { return installation_; }  // 16 hex digits
  const Secret& key() const { return key_; }                         // 32 bytes
  // All of manifests/*.json, sorted by name; copies that cannot be read are left out.
  std::vector<LastGood> last_good() const;
  // Likewise updates/*.json, images/*.json, hosts/*.json, names/*.json, schemes/*.json,
  // certificates/*.json, local/*.json, deaths/*.json and trials/*.json.
  std::vector<LastGood> choices() const;
  std::vector<LastGood> images() const;
  std::vector<LastGood> hosts() const;
  std::vector<LastGood> names() const;
  std::vector<LastGood> schemes() const;
  std::vector<LastGood> served() const;
  std::vector<LastGood> local() const;
  std::vector<LastGood> deaths() const;
  std::vector<LastGood> trials() const;  // an empty text for one that cannot be read

  // Lets others through to what is below it by name. They can list nothing, and what is the
  // daemon's own has modes that keep them out. Errors: as of open.
  Result<void> let_through() const;

 private:
  StateFolder() = default;
  Result<void> lock();
  Result<void> identify(Mode mode);
  bool has(const std::string& name) const;
  enum class Unreadable { left_out, empty };
  std::vector<LastGood> copies(const std::string& folder,
                               Unreadable unreadable = Unreadable::left_out) const;
  Result<std::string> read_or_make(const std::string& name, const std::string& fresh, Mode mode);

  std::string path_;
  UniqueFd folder_;
  UniqueFd lock_;
  std::string installation_;
  Secret key_;
};

}  // namespace fairlead::live
