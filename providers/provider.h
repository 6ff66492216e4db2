#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "providers/view.h"
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

// What a step's answer means for the loop.
struct Outcome {
  enum class Next {
    done,        // as intended; dependents may go
    look_again,  // the world has moved (a race, an unknown outcome): observe, then plan anew
    failed,      // back off; the message goes to the status
    put_off,     // of use at another time, and no harm to the app: remembered (Memory::troubles)
                 // for the next diff, which says when
  };
  Next next = Next::done;
  Error error;
  std::string suspect;                       // a name that is taken by someone: observe it closely
  bool relist = false;                       // the shared section is stale
  std::map<std::string, std::string> notes;  // for Memory::notes
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
  const Platform* platform = nullptr;
  Instant now;
  std::optional<Place> place;              // of an app that runs a system: where its container is
  std::string to_read;                     // image whose own manifest is wanted; empty: none
  const ImageManifests* images = nullptr;  // which are known already; null: none
};

// Something may have changed. Without `app`, `image` and `all`: it concerns nothing of ours.
struct Hint {
  std::string app;
  std::string object;   // id of the object
  bool all = false;     // everything may have changed
  std::string image{};  // reference that may stand for another image now; empty: none
};

// What the containers of the wanted revision were made of.
struct ImageUse {
  std::string id;      // "sha256:…"; empty: there are none
  bool said = false;   // their fingerprint says it
  bool whole = false;  // none is lacking
};

struct ResolveInput {
  const App* app = nullptr;
  const Platform* platform = nullptr;
  const std::map<std::string, Secret>* secrets = nullptr;
  const std::map<std::string, Secret>* certificates = nullptr;  // as FolderReading has them
  // Host names of the app that it must not have → why: "the app blog has it". Absent: its own.
  std::map<std::string, std::string> lost_hosts{};
  bool hosted = false;  // the app that runs the provider's system is there, or none has to be
  // The scheme that was kept for the app (schemes.h), where no word says it. Nothing: none was.
  std::optional<Scheme> scheme{};
  // By host: what served last out of the operator's files. Null: nothing did.
  const std::map<std::string, ServedCertificate>* served = nullptr;
  // What is to be run of what the image's reference may stand for: "sha256:…"; empty: whatever it
  // stands for. And whether that is another revision than the reference alone.
  std::string image_id{};
  bool says_image_id = false;
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
  // Whether it works without that app: what it keeps is in files.
  virtual bool stands_alone() const { return false; }
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
  // What the app adds to what is kept for all; null: nothing.
  virtual SharePtr share(const View&) const { return nullptr; }
  // Where the requests for the app go, as was seen of the app that runs its system. Nothing: it
  // leads to no such app.
  virtual std::optional<Traffic> traffic(const Graph& wanted, const Section* seen) const {
    (void)wanted;
    (void)seen;
    return std::nullopt;
  }
  // Apps that must look again, because of what was seen of the app that runs its system. Nothing:
  // all of them.
  virtual std::optional<std::set<std::string>> concerned(const Section* before,
                                                         const Section* after) const {
    (void)before;
    (void)after;
    return std::set<std::string>();
  }
  // Ids of the objects that an audit may look at in detail, one after the other.
  virtual std::vector<std::string> objects(const Section* seen) const = 0;
  // What stands of the app, for the providers before this one.
  virtual Standing standing(const View&) const { return {}; }
  // The address at which the app serves others, if it does.
  virtual std::optional<Place> serves_at(const Section*) const { return std::nullopt; }
  // Data that belongs to no wanted app ("volume blog.data"); purged only when asked.
  virtual std::vector<std::string> data(const Section* seen) const = 0;
  // The images of the app that were looked at, and what was read of the manifests in them.
  virtual std::vector<ImageLook> images(const Section*) const { return {}; }
  virtual ImageUse image_in_use(const Graph&, const Section*, const Memory&) const { return {}; }
  // What references stand for, as the last full observation had it: "app:latest" → "sha256:…".
  virtual std::map<std::string, std::string> image_ids(const Section*) const { return {}; }
  // Whether anything but data is left.
  virtual bool anything(const Section* seen) const = 0;

  // -- steps
  // The last word on every request body, right before it is sent. `tenant`: of the app that it is
  // for; null: the operator. Errors: denied.
  virtual Result<void> policy(const Call& call, const Platform& platform,
                              const Tenant* tenant) const = 0;
  virtual Outcome judge(const Step& step, const Answer& answer) const = 0;
};

}  // namespace fairlead
