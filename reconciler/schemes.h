#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "reconciler/catalog.h"

// The schemes (http, https) that apps were told before there were words for it. Earlier versions
// took them from the certificate files that were there; what a container was told must neither
// change when a file comes or goes, nor at the upgrade. So the first reading of an installation
// that has kept none takes over what the files say, once for each app, and that holds until a word
// of manifest or platform file says it, or the app goes. A value without I/O, owned by the
// Reconciler; kept in the state folder.
namespace fairlead {

class Schemes {
 public:
  // Takes what encode() made in an earlier run. Damaged text is as none.
  void restore(std::string_view text);
  // Of these apps alone anything is kept. The first call without anything restored opens them all:
  // they may take over what the files say.
  void keep(const std::map<std::string, Catalog::Entry>& apps);
  // Of an app that may: takes it over; nothing: the files say no other than the words. Gives
  // whether of() is another one now.
  bool settle(const std::string& app, std::optional<Scheme> by_file);
  std::optional<Scheme> of(const std::string& app) const;  // nothing: none was taken over
  // Whether encode() is another one than when this was last asked.
  bool changed();
  std::string encode() const;  // never empty: that there is a file says that nothing is to be taken

 private:
  bool begun_ = false;
  std::set<std::string> open_;          // apps that may still take over what the files say
  std::map<std::string, Scheme> kept_;  // app → what was taken over
  std::string told_;                    // encode(), as changed() last saw it
};

}  // namespace fairlead
