#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/backoff.h"
#include "reconciler/registry.h"
#include "reconciler/status.h"

// Which image each app is to run: the manifest's own, or what its `update` has found at the
// registry, pinned by digest. Owned by the Reconciler, used from its thread. Does no I/O: it gives
// calls out, takes answers in, and says what is to be resolved anew and what is to be saved.
// Invariants: (1) each registry is asked for one app at a time; (2) an answer that does not come
// changes nothing: the app stays on what was chosen; (3) a choice that failed its health gate is
// not made again under the same manifest.
namespace fairlead {

class Updates {
 public:
  struct Choice {
    std::string tag;
    std::string digest;
    bool operator==(const Choice&) const = default;
  };
  struct Failed {
    Choice choice;
    std::string why;
  };

  explicit Updates(std::uint64_t seed) : jitter_(seed) {}

  // What an earlier process has saved; before the app is wanted. Anything unreadable is as nothing.
  void restore(const std::string& app, std::string_view text);
  // `manifest` is any text that changes when the manifest does: then what failed may be tried
  // again.
  void want(const App& app, const std::string& manifest, Instant now);
  void forget(const std::string& app);
  // A person wants to know: its tags are asked for now, whether it follows them or not.
  void ask(const std::string& app, Instant now);

  // The reference to run: "ghcr.io/acme/blog:0042@sha256:…"; empty: none is known of this app.
  std::string image(const std::string& app) const;
  // Nothing was chosen yet and the first question is still open: an app that starts now would be
  // replaced at once.
  bool undecided(const std::string& app) const;
  bool asking(const std::string& app) const;

  // What follows from an answer or from a health gate.
  struct Change {
    std::set<std::string> resolve;  // apps whose image() is another, or that are decided now
    std::set<std::string> save;     // apps whose encode() is to be written
    std::vector<LogRecord> log;
  };
  struct Question {
    std::uint64_t ticket = 0;
    std::string app;
    // Absent: nothing may be asked; take() is then told of an empty answer.
    std::optional<HttpCall> call;
  };
  std::vector<Question> wake(Instant now, const Platform& platform);
  Duration due() const;  // steady; when wake() has something to give
  Change take(std::uint64_t ticket, const Answer& answer, Instant now);

  // The health gate has decided about `image`, which stands in the graph that was carried out.
  Change passed(const std::string& app, const std::string& image);
  Change failed(const std::string& app, const std::string& image, const std::string& why);

  std::string encode(const std::string& app) const;  // empty: nothing worth keeping
  // For the status of an app that follows its image; null for the others.
  Json summary(const std::string& app) const;
  // For `fairlead images`.
  Json images(const std::string& app, const Report& report, Instant now) const;

 private:
  struct Entry {
    std::string image;   // as the manifest says it
    std::string source;  // path of the manifest
    ImageRef ref;
    std::optional<Update> update;
    std::string edition;           // digest of the manifest
    std::optional<Choice> good;    // passed its gate
    std::optional<Choice> trying;  // wanted now
    std::vector<Failed> failed;    // oldest first
    bool known = false;            // wanted in this process
    bool decided = true;

    std::uint64_t ticket = 0;  // of the question that is out; 0: none
    std::optional<Inquiry> inquiry;
    bool by_hand = false;  // a person asks
    bool listing = false;  // for whom the question that is out lists the tags
    Duration due = Duration::max();
    int failures = 0;
    std::string error;
    std::vector<std::string> tags;  // newest first, no more than are shown
    std::size_t tags_total = 0;
    Duration asked{0};  // wall; 0: never

    std::string track() const { return update ? update->track.text : ""; }
    std::string current() const { return trying ? trying->tag : good ? good->tag : ref.tag; }
    std::string reference() const;
  };
  struct Lane {
    bool busy = false;    // a question is out
    std::string talking;  // the app whose inquiry goes on; empty: none
    std::set<std::pair<Duration, std::string>> waiting;  // when to ask → app
  };

  void schedule(const std::string& app, Entry& entry, Duration due);
  void stop(const std::string& app, Entry& entry);
  void begin(Entry& entry, const Platform& platform) const;
  void found(const std::string& app, Entry& entry, const Inquiry::Finding& finding, Change& change);
  void not_found(const std::string& app, Entry& entry, const Error& error, Change& change);
  void decide(const std::string& app, Entry& entry, Change& change) const;
  Track shown_track(const Entry& entry) const;
  std::string state_of(const Entry& entry, const std::string& tag, const Report& report) const;

  Jitter jitter_;
  std::map<std::string, Entry> entries_;                              // by app
  std::map<std::string, Lane> lanes_;                                 // by registry
  std::map<std::uint64_t, std::pair<std::string, std::string>> out_;  // ticket → app, registry
  std::uint64_t last_ticket_ = 0;
};

}  // namespace fairlead
