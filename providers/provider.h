#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/app.h"
#include "reconciler/graph.h"
#include "reconciler/keys.h"
#include "reconciler/plan.h"
#include "reconciler/ranges.h"
#include "reconciler/status.h"
#include "reconciler/world.h"

// What a provider answers: the pure knowledge of one outside system. What to ask, how to read the
// answers, what differs from what is wanted, which request mends it, and what an answer to such a
// request means. A provider is immutable after construction, holds no state of the outside and does
// no I/O; the loop knows providers only through this header.
namespace fairlead {

// What a provider has seen of one app, or of the system as a whole. Immutable; only its provider
// looks inside.
struct Section {
  virtual ~Section() = default;
};
using SectionPtr = std::shared_ptr<const Section>;

// Where the system of a provider is, as of now. The engine's is empty: its calls say "engine".
struct Place {
  std::string host;      // an address or a name
  std::string instance;  // tells one that took the address of another from it; empty: lasting
  bool operator==(const Place&) const = default;
};

// What a handshake found out; valid until the connection is lost.
struct Session {
  std::string description;  // "Docker Engine 20.10.24, API 1.41", for status and log
  Json facts;               // the provider's own
};

// How often something happened and when last; kept by the loop in memory, forgotten when the app's
// manifest changes.
struct Counter {
  int count = 0;
  Duration last{0};  // steady
};

// The counter whose `last` is when the app's manifest changed. Absent: not since the start.
inline constexpr char manifest_changed[] = "manifest changed";

// How the health checks that fairlead makes itself stand, for one container.
struct ProbeState {
  int successes = 0;        // since it was first asked
  int failures_in_row = 0;  // since the last success
  std::string last_error;   // "GET /up: 503", "GET /up: timed out after 5s"
};

// One HTTP health check that is to be repeated. `key` names the container and its start, so that a
// restart begins anew.
struct Probe {
  std::string key;
  HttpCall call;
  Duration interval{0};
  Duration lenient_until{0};  // steady; failures before do not count
};

// What is remembered between passes of one app. A daemon that forgets it (a restart) is slower or
// more patient, never wrong.
struct Memory {
  // Key of Step::count_as → how often it was done; "failed VERB RESOURCE" and "invalid VERB
  // RESOURCE" → how often in a row such a step failed, or was refused as wrong in itself. Absent:
  // never.
  std::map<std::string, Counter> counters;
  std::map<std::string, ProbeState> probes;  // Probe::key → state; absent: not asked yet
  std::set<std::string> suspects;  // names that a create found taken: to be looked at closely
};

// What stands of an app at one provider, for the others.
struct Standing {
  bool settled = true;              // nothing of another revision than the wanted one is left
  bool running = false;             // something runs
  std::set<std::string> addresses;  // from which its programs connect
};

// All that a diff may depend on.
struct View {
  std::string app;
  const Graph* wanted = nullptr;  // null: the app is to be removed
  const Section* seen = nullptr;
  const Section* shared = nullptr;
  const Session* session = nullptr;
  const Platform* platform = nullptr;
  const Memory* memory = nullptr;
  const Claims* claims = nullptr;
  Instant now;
  // The steps of providers before this one, which must be done before anything new starts.
  std::vector<std::size_t> prerequisites;
  Standing standing;  // at the providers after this one
  // Service → what this provider has seen of the app that runs it; absent: nothing. Those that the
  // app uses, and those that it used and no longer does.
  std::map<std::string, const Section*> services;
  // Of an app that runs a service: the apps that use it.
  std::set<std::string> guests;
  std::string waiting_for;  // other apps that must be Healthy before anything new starts; empty: go
  bool drop_data = false;   // with the removal: `reclaim: delete`
};

// What a step's answer means for the loop.
struct Outcome {
  enum class Next {
    done,        // as intended; dependents may go
    look_again,  // the world has moved (a race, an unknown outcome): observe, then plan anew
    failed,      // back off; the message goes to the status
  };
  Next next = Next::done;
  Error error;
  std::string suspect;  // a name that is taken by someone: observe it closely
  bool relist = false;  // the shared section is stale
};

// Gathers what is seen, in rounds: ask next() for calls, give each answer to take(), until next()
// is empty; then finish(). Lives for one observation. Any error makes the whole observation worth
// nothing: nothing is decided from half of it.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual std::vector<Call> next() = 0;
  // `index` counts the calls of this observer from 0, in the order in which they were given out.
  virtual Result<void> take(std::size_t index, const Answer& answer) = 0;

  struct Observed {
    std::map<std::string, SectionPtr>
        apps;           // app → what was seen; a full observation leaves out apps without objects
    SectionPtr shared;  // null: as before
  };
  virtual Observed finish() = 0;
};

// What an observation is about. With `app` empty it is a full one.
struct Scope {
  std::string app;
  const Graph* wanted = nullptr;    // of the app
  const Section* before = nullptr;  // what was last seen of it
  bool listed = false;              // `before` is fresh as to lists: only details are missing
  const std::set<std::string>* hinted = nullptr;  // object ids that events named
  const Memory* memory = nullptr;
  Instant now;
};

// Something may have changed. Without `app` and `all`: it concerns nothing of ours.
struct Hint {
  std::string app;
  std::string object;  // id of the object
  bool all = false;    // everything may have changed
};

struct ResolveInput {
  const App* app = nullptr;
  const Platform* platform = nullptr;
  const std::map<std::string, Secret>* secrets = nullptr;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;

  // -- wanted
  // Which words of `needs` it serves.
  virtual std::set<std::string> offers() const = 0;
  // The app that runs its system; empty: something outside does.
  virtual std::string hosted_by(const Platform&) const { return ""; }
  // Adds its resources of the app. Errors: invalid (a secret file that is not there).
  virtual Result<void> resolve(const ResolveInput& input, Graph& graph) const = 0;

  // -- connection
  // Where its system is when no app runs it.
  virtual Place place(const Platform&) const { return {}; }
  // The next call of the handshake, given the answers so far; nothing when it is complete.
  virtual std::optional<Call> handshake(const Place& place, const Platform& platform,
                                        const std::vector<Answer>& so_far) const = 0;
  virtual Result<Session> negotiate(const Place& place, const Platform& platform,
                                    const std::vector<Answer>& answers) const = 0;
  // Nothing: it tells no events, and only listings show what changed.
  virtual std::optional<HttpCall> subscription(const Session& session) const = 0;
  virtual Hint decode_event(std::string_view line) const = 0;

  // -- seen
  virtual std::unique_ptr<Observer> observe(const Session& session, const Scope& scope) const = 0;
  // What a listing shows otherwise than before, one short text a change ("container
  // blog.web.3f9c2a1b: running → exited").
  virtual std::vector<std::string> changes(const Section* before, const Section* after) const = 0;

  // -- diff
  virtual void diff(const View& view, Plan& plan, Report& report) const = 0;
  virtual std::vector<Probe> probes(const View& view) const = 0;
  // Ids of the objects that an audit may look at in detail, one after the other.
  virtual std::vector<std::string> objects(const Section* seen) const = 0;
  // What stands of the app, for the providers before this one.
  virtual Standing standing(const View&) const { return {}; }
  // The address at which the app serves others, if it does.
  virtual std::optional<Place> serves_at(const Section*) const { return std::nullopt; }
  // Data that belongs to no wanted app ("volume blog.data"); purged only when asked.
  virtual std::vector<std::string> data(const Section* seen) const = 0;
  // Whether anything but data is left.
  virtual bool anything(const Section* seen) const = 0;

  // -- steps
  // The last word on every request body, right before it is sent. Errors: denied.
  virtual Result<void> policy(const Call& call, const Platform& platform) const = 0;
  virtual Outcome judge(const Step& step, const Answer& answer) const = 0;
};

}  // namespace fairlead
