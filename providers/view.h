#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/graph.h"
#include "reconciler/image_manifests.h"
#include "reconciler/ranges.h"
#include "reconciler/shared.h"
#include "reconciler/tenants.h"
#include "reconciler/trials.h"
#include "reconciler/world.h"

// What a provider's decisions are made from: what was seen, what is remembered, where things are,
// what time it is. Values that the loop gathers; everything a View points to outlives it.
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
// Likewise when a person last asked for another try of what failed; with " PROCESS" behind it, of
// this process whatever came of it.
inline constexpr char retry_asked[] = "retry asked";

// How the health checks that fairlead makes itself stand, for one container.
struct ProbeState {
  int successes = 0;        // since it was first asked
  int failures_in_row = 0;  // since the last success
  // "GET /up (Host blog.example.org): 503: maintenance", "nothing accepts on port 80: …".
  std::string last_error;
  int failed_asks = 0;        // since the last success, those in between whole intervals too
  Duration failing_for{0};    // from the first to the last of these
  Duration failing_since{0};  // steady; the first of these
};

// One health check that is to be repeated: over HTTP, or whether a port accepts. `key` names the
// container and its start, so that a restart begins anew.
struct Probe {
  std::string key;
  Call call;
  std::string subject;  // begins the text of its failure: "GET /up", "nothing accepts on port 80"
  Duration interval{0};
  Duration lenient_until{0};  // steady; failures before do not count
};

// Why a step was put off (Outcome::Next::put_off), how often in a row, and when last.
struct Trouble {
  std::string text;
  int count = 0;
  Duration last{0};  // steady
};

// What is remembered between passes of one app. A daemon that forgets it (a restart) is slower or
// more patient, never wrong.
struct Memory {
  // Key of Step::count_as → how often it was done; "failed VERB RESOURCE" and "invalid VERB
  // RESOURCE" → how often in a row such a step failed, or was refused as wrong in itself. Absent:
  // never.
  std::map<std::string, Counter> counters;
  std::map<std::string, ProbeState> probes;  // Probe::key → state; absent: not asked yet
  // "VERB RESOURCE" of a step → why it was put off. Absent: never, or it has succeeded since.
  std::map<std::string, Trouble> troubles;
  std::set<std::string> suspects;  // names that a create found taken: to be looked at closely
  // What answers taught, and no look shows: "rejected blog.3f9c2a1b" → why. Forgotten with a new
  // manifest.
  std::map<std::string, std::string> notes;
  Trials trials;  // kept in the state folder, too
};

// What stands of an app at one provider, for the others.
struct Standing {
  bool settled = true;                 // nothing of another revision than the wanted one is left
  bool running = false;                // something runs
  std::vector<std::string> addresses;  // from which its programs connect, in order
  // Addresses of its main process to which requests are to be sent, in order; empty: none is ready.
  std::vector<std::string> backends;
};

// Where requests for an app are sent now, as its edge has confirmed. Of an app that no edge leads
// to, or whose edge does not run, there is none.
struct Traffic {
  bool known = false;               // false: the edge runs and has not been asked yet
  bool lost = false;                // not known, and asking does not help
  std::set<std::string> addresses;  // that requests are sent to
  Duration since{0};                // steady; that this was first seen so
};

// What an app adds to what a provider keeps for all apps in one piece: its site in the edge's
// configuration. Immutable; only its provider looks inside.
struct Share {
  std::string id;  // equal for equal content
  virtual ~Share() = default;
};
using SharePtr = std::shared_ptr<const Share>;
using Shares = Shared<std::map<std::string, SharePtr>>;  // by app; null: it adds nothing

// All that a diff may depend on.
struct View {
  std::string app;
  const Graph* wanted = nullptr;  // null: the app is to be removed, or nothing is known of it yet
  const Section* seen = nullptr;
  const Section* shared = nullptr;
  const Session* session = nullptr;
  const Platform* platform = nullptr;
  const Memory* memory = nullptr;
  const Claims* claims = nullptr;
  Instant now;
  bool removing = false;  // without it nothing goes, wanted or not
  // The image whose own manifest must be known before anything of it is wanted; empty: none. And
  // which images are known; null: none.
  std::string to_read;
  const ImageManifests* images = nullptr;
  // The steps of providers before this one, which must be done before anything new starts.
  std::vector<std::size_t> prerequisites;
  Standing standing;  // at the providers after this one
  // Service → what this provider has seen of the app that runs it; absent: nothing. Those that the
  // app uses, and those that it used and no longer does.
  std::map<std::string, const Section*> services;
  // Of an app that runs a service: the apps that use it, in order.
  std::vector<std::string_view> guests;
  std::optional<Place> place;       // likewise: where its container is, ready or not
  Shares shares;                    // likewise: what each app adds; absent: there is no such app
  std::set<std::string> undecided;  // apps of which it is not known yet what they add
  std::optional<Traffic> traffic;   // to the app's main process
  std::string waiting_for;  // other apps that must be Healthy before anything new starts; empty: go
  const Tenant* tenant = nullptr;  // in whose folder the manifest lies; null: the operator's
  bool drop_data = false;          // with the removal: `reclaim: delete`
};

}  // namespace fairlead
