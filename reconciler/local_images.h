#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "providers/provider.h"

// Which image each app is to run, where its reference can come to stand for another one on this
// host: a tag that is built or pulled anew. What runs is made anew of the very image that it was
// made of; the new one is tried through the health gate, as a revision of its own, and after a
// failure not again before the tag or the manifest changes. Owned by the Reconciler, used from its
// thread; kept in the state folder. Errors: what is lost or cannot be read is learned from what
// runs. Invariants: (1) the image that a reference is first seen with is no part of the
// fingerprint, so that an app whose tag never moves has the fingerprint of its manifest; (2) a
// reference with a digest is not followed.
namespace fairlead {

class LocalImages {
 public:
  // What was seen in one pass.
  struct Sight {
    ImageUse use;
    std::string tag;       // id that the reference stands for; empty: none, or nobody looked
    bool is_gone = false;  // the image that is to be run is not on this host any more
  };

  void restore(const std::string& app, std::string_view text);
  std::string encode(const std::string& app) const;  // empty: there is nothing to keep
  void forget(const std::string& app);
  std::set<std::string> take_changed();  // apps whose encode() is another than when last taken
  // The reference that is to run.
  void want(const std::string& app, const std::string& reference);
  // What failed, or was passed over, may be tried. False: there is no such image.
  bool forgive(const std::string& app);

  std::string id(const std::string& app) const;  // to be run; empty: whatever the reference says
  bool says_id(const std::string& app) const;    // it is another revision than the reference alone
  // What is known of images is known by this: the reference, and with an id of its own that, too.
  std::string key(const std::string& app, const std::string& reference) const;
  // Whether a look at the reference would teach something, now that it stands for `tag`.
  bool is_news(const std::string& app, const std::string& tag) const;
  // Where one of these is true, id() or says_id() is another than before.
  bool take(const std::string& app, const Sight& sight);
  bool failed(const std::string& app, const std::string& why);
  void passed(const std::string& app);
  // What people should know; empty: the reference stands for what runs, or is to run.
  std::string told(const std::string& app) const;

 private:
  struct Entry {
    std::string reference;
    std::string first;        // the id that the fingerprint does not say; empty: it says each
    std::string good;         // passed its gate; empty: not known yet
    std::string trying;       // wanted in its place; empty: none
    std::string passed_over;  // what the reference stands for, and is not to be run; empty: none
    std::string why;          // it failed with this; empty: it stood there before
    const std::string& id() const { return trying.empty() ? good : trying; }
  };
  std::map<std::string, Entry> entries_;     // by app; absent: its reference is not followed
  std::map<std::string, std::string> kept_;  // app → encode() as last taken; absent: empty
  std::set<std::string> touched_;            // apps that may have another one
};

// The first twelve digits, as Docker shows it.
std::string short_image_id(const std::string& id);

}  // namespace fairlead
