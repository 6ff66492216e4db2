#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/platform.h"

// Which app has which host name, over time: the first that says it keeps it as long as it says it,
// and what the platform file binds to a folder only apps of that folder have. A wildcard covers all
// names below it: apps of other first-level folders get none of these. Nor does anybody get what
// belongs to none (see reserved_host()). What an app has had it keeps under each of these rules but
// the platform file's. A value without I/O, owned by the Reconciler. Who has what is kept in the
// state folder, so that a restart gives it to nobody else.
namespace fairlead {

// The host names that the app's manifest says, or that it has by default.
std::vector<std::string> claimed_hosts(const App& app, const Platform& platform);

// App → what it claims and does not have → why.
using Lost = std::map<std::string, std::map<std::string, std::string>>;
// Apps that lack others than before, or for another reason.
std::set<std::string> lacking_otherwise(const Lost& before, const Lost& now);
const std::map<std::string, std::string>& lost_by(const std::string& app, const Lost& lost);

class HostOwners {
 public:
  struct Claim {
    std::string source;  // file of the manifest, relative to the folder: "team-a/blog.yml"
    std::vector<std::string> hosts;
    bool operator==(const Claim&) const = default;
  };

  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(std::string_view text);
  // Takes what all apps claim now. Gives the apps that have or lack others than before. The
  // platform is always the same.
  std::set<std::string> update(std::map<std::string, Claim> claims, const Platform& platform);
  // Whether a host name has another owner, or none, since the last update().
  bool owners_changed() const { return owners_changed_; }
  // Host names that the app claims and does not have → why.
  const std::map<std::string, std::string>& lost(const std::string& app) const {
    return lost_by(app, lost_);
  }
  // Empty: nobody has any.
  std::string encode() const;

 private:
  bool owners_changed_ = false;
  std::map<std::string, Claim> claims_;        // as of the last update()
  std::map<std::string, std::string> owners_;  // host → app
  Lost lost_;
};

// Folders of the host. Two apps may mount the same one, also writable. But one that mounts a folder
// writable decides what lies at the paths below it, so that no other app may mount these; of two
// such apps the one that said it later is refused. (mount_owners.cc)
class MountOwners {
 public:
  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(std::string_view text);
  // Takes what all apps say now. Gives those that are refused, or no longer, or for another reason.
  std::set<std::string> update(const std::map<std::string, std::vector<HostMount>>& said);
  // Whether encode() gives another text since the last update().
  bool changed() const { return changed_; }
  // Why the app must not be made as it is said; empty: it may.
  std::string refused(const std::string& app) const;
  // Empty: nobody mounts anything.
  std::string encode() const;

 private:
  struct Claim {
    std::string app, path;
    bool writes = false;
    std::string refused{};  // why; empty: granted
    bool says(const Claim& other) const {
      return app == other.app && path == other.path && writes == other.writes;
    }
  };
  void judge();

  bool changed_ = false;
  std::vector<Claim> claims_;  // in the order in which they were first said
};

// Why no app gets the host that has not had it and that the platform file binds to nobody; empty:
// it may. That is what names more than one owner's domains: the public suffixes ("org", "*.co.uk",
// as the list of publicsuffix.org that libpsl brings has them), wildcards of a single label
// ("*.lan"), and every default name at once ("*.DOMAIN").
std::string reserved_host(const Platform& platform, const std::string& host);

// Why an app whose manifest lies in `source` must not have the host; empty: it may.
std::string tenant_forbids(const Platform& platform, const std::string& app,
                           const std::string& source, const std::string& host);

}  // namespace fairlead
