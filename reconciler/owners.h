#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/keys.h"

// Whose the names of apps are. With a name go the data, the accounts and the derived secrets that
// were made under it, so whoever had it first keeps it, with or without a manifest, until it is
// purged; a claim from another folder waits for `fairlead approve`. An owner is a folder of the
// first level below the manifests, which is who may write there; what lies on the top, or in the
// platform's own folder, is the operator's. A value without I/O, owned by the Catalog and kept in
// the state folder. Errors: where that is lost, the signed marks of volumes, databases and vhosts
// still say whose they are, and the diffs refuse them to others.
namespace fairlead {

// "team-a" of "team-a/web/blog.yml"; empty: the operator's. `platform`: the operator's own folder.
// `tenants`: folders, of which one below another folder is an owner of its own.
std::string owner_of(const std::string& source, const std::string& platform,
                     const std::vector<std::string>& tenants);
// For people: "the folder team-a", "the operator's folders".
std::string owner_text(const std::string& owner);

// As it stands in the marks of things: "/team-a", of the operator "/"; without blanks, commas and
// quotes, whatever the folder is called.
std::string owner_mark(const std::string& owner);
// What proves a mark: 16 digits over kind and name of the thing, and its owner.
std::string owner_signature(const Keys& keys, const std::string& thing, const std::string& mark);

// Who an app's things may belong to.
struct Ownership {
  std::string owner;
  std::set<std::string> heir_of;  // former owners, whose things were given to it
  // Whether what has this mark is not the app's to use. Empty: made before there were any.
  bool forbids(const std::string& mark) const;
};

// Why a thing with this mark is not used, and what to do about it.
std::string forbidden_text(const std::string& app, const Ownership& ownership,
                           const std::string& mark);

// What `fairlead approve` takes to give the name to another owner: 8 digits.
std::string claim_token(const std::string& app, const std::string& from_mark,
                        const std::string& owner);

class NameOwners {
 public:
  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(std::string_view text);
  std::string encode() const;
  bool take_changed();  // since it was last asked

  // Whose it is already, or the name is free. A `reserved` name only the operator may take.
  bool may_have(const std::string& app, const std::string& owner, bool reserved) const;
  // The owner has it from now on, if nobody has.
  void settle(const std::string& app, const std::string& owner);
  // By a person's word: the name, and what belongs to `from_mark`, is the new owner's.
  void give(const std::string& app, const std::string& from_mark, const std::string& owner);
  void release(const std::string& app);
  // Of a name that nobody has: of the operator.
  const Ownership& of(const std::string& app) const;
  bool has(const std::string& app) const { return names_.count(app) > 0; }

 private:
  std::map<std::string, Ownership> names_;
  bool changed_ = false;
};

}  // namespace fairlead
