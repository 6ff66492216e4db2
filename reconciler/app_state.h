#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/provider.h"
#include "reconciler/graph.h"
#include "reconciler/plan.h"
#include "reconciler/status.h"

// All that the loop remembers of one app between events, and a few smaller things. Plain data;
// owned and changed by the Reconciler alone.
namespace fairlead {

inline constexpr Duration never = Duration::max();
using AppPtr = std::shared_ptr<const App>;
using GraphPtr = std::shared_ptr<const Graph>;
using Schedule = std::set<std::pair<Duration, std::string>>;  // when something is due → app
inline constexpr int observing_max = 16;                      // apps that observe at once
// Of the state folder: which image was chosen for each app.
inline constexpr char updates_folder[] = "updates";
// Likewise: what the image of each app says.
inline constexpr char images_folder[] = "images";
// Likewise: who has which host name, in one file, and which port of the host, in another.
inline constexpr char hosts_folder[] = "hosts";
inline constexpr char owners_file[] = "owners";
// Likewise: the scheme that apps are told, in one file.
inline constexpr char schemes_folder[] = "schemes";
inline constexpr char schemes_file[] = "apps";
// Likewise: the certificates that serve each app out of the operator's files.
inline constexpr char served_folder[] = "certificates";
// Likewise: what the image's reference of each app stands for.
inline constexpr char local_folder[] = "local";
// Likewise: what came of the revisions of each app.
inline constexpr char trials_folder[] = "trials";
// Likewise: whom the daemon worked for when it ended itself, a line for each time.
inline constexpr char deaths_folder[] = "deaths";

// How a step of the current plan stands.
enum class StepState { waiting, held, running, done, failed };

// When a step that failed may be tried again. Kept for each step and not for each app, so that one
// broken process does not delay its siblings.
struct Retry {
  int failures = 0;
  Duration not_before{0};  // steady
  std::string error;
};

// A request that is on its way, or waits for a slot.
struct InFlight {
  Step step;
  std::uint64_t pass = 0;
  Duration sent{0};  // steady
};

struct HistoryEntry {
  Duration wall{0};
  std::string text;  // "create container blog.web.3f9c2a1b: image … (18ms)"
};

// What an answer belongs to.
struct Expected {
  enum class For { handshake, listing, observation, step, probe, save, update };
  For what;
  std::string owner;       // provider or app
  std::size_t index = 0;   // of the observer's call
  std::string key;         // step or probe key, provider of an observation, folder of what is saved
  std::uint64_t pass = 0;  // of a handshake or listing the link's generation; of an update its own
  InFlight step;
};

// Someone who wants to know which images there are, and until when the registry may answer.
struct Asker {
  std::string app;
  Duration until{0};  // steady
};

// What could not be written to the state folder.
struct Unsaved {
  std::set<std::pair<std::string, std::string>> files;  // folder, app
  std::string why;                                      // empty: all is kept
  Duration due = never;                                 // when it is tried again
};

// What the log already says.
struct Told {
  std::map<std::string, Duration> progress;  // step key → when its progress was last logged
  std::set<std::string> broken;              // errors of manifests
  std::string hold;                          // why nothing is removed
  std::set<std::string> ignored;             // what images may not say; files that are no manifests
  std::map<std::string, Duration> warnings;  // text → when it was last logged
  Duration events_lost{0}, list_failed{0};   // when it was last logged; 0: never
};

// A health check that fairlead makes itself, and when it is due again.
struct ProbeRun {
  Probe probe;
  Duration due{0};      // steady
  Duration counted{0};  // when a failure was last counted
  RequestId in_flight = 0;
};

struct AppState {
  std::string name;

  // What is wanted.
  std::shared_ptr<const Graph> wanted;  // null: not wanted, or never resolved
  std::string frozen;                   // why `wanted` is not what the file says now; empty: it is
  std::string doubled;                  // another file claims the name
  std::string version;                  // of the folder's manifest, to the quarantine
  bool left_out = false;                // it ended the daemon: nothing is done for it
  std::string text;                     // canonical JSON of the manifest that `wanted` was made of
  std::string to_read;    // image whose own manifest is not known yet, so that `wanted` is of an
                          // earlier manifest; empty: it is not waited for
  bool removing = false;  // everything but data is to go
  bool purging = false;   // a person asked for the data to go too
  std::set<std::string> drop_data;    // the words of `needs` whose data goes, too
  std::set<std::string> removing_at;  // providers that the removal has to ask

  // What was seen, by provider.
  std::map<std::string, SectionPtr> seen;
  Duration observed{0};  // wall time of the last complete observation
  // Providers that a pass has asked since the engine was connected: it may have restarted all.
  std::set<std::string> asked;

  // The next pass.
  Duration due = never;          // steady; when the next pass is to begin
  Duration scheduled = never;    // as which it stands in the schedule
  std::set<std::string> listed;  // providers of which `seen` is fresh as to lists
  std::set<std::string> hinted;  // objects that events named since the last observation

  // The pass under way.
  enum class Phase { idle, observing, acting };
  Phase phase = Phase::idle;
  std::uint64_t pass = 0;
  Duration began{0};
  std::set<std::string> observing_hints;
  struct Watching {
    std::unique_ptr<Observer> observer;
    std::size_t asked = 0;  // calls given out so far
    std::string error;      // why it is worth nothing; empty: so far it is
  };
  std::map<std::string, Watching> observers;  // by provider
  std::set<std::string> looked_at;            // providers; of the others nothing is decided
  std::size_t outstanding = 0;
  Plan plan;
  std::vector<StepState> states;
  int done = 0;
  int failed = 0;
  bool moved = false;           // the world has moved: look again
  bool engine_written = false;  // a step of the engine's was sent or answered

  // From pass to pass.
  std::map<std::string, RequestId> in_flight;  // step key → request; absent: not under way
  std::map<std::string, Retry> retries;        // step key → when again; absent: now
  Memory memory;
  std::string trials_kept;                 // what the state folder has of memory.trials
  std::map<std::string, ProbeRun> probes;  // Probe::key → run
  int observe_failures = 0;
  int moves = 0;          // passes in a row in which the world had moved
  std::string last_plan;  // text of the last plan of which something was done
  int repeats = 0;        // how often the same plan was done in a row: it does not help
  bool planned = false;
  Standing standing;               // at the engine, as of the last diff
  std::optional<Place> serves_at;  // of an app that runs a service
  Duration traffic_since{0};       // steady; since when requests are sent where they are sent now

  // What is known.
  Report report;
  Duration since{0};  // wall time since when health and sync are what they are
  std::deque<HistoryEntry> history;
};

// The first few of them, in one line.
std::string told(const std::vector<Error>& errors);

// The warnings of a pass that are to be logged now: each text once a day, however many apps and
// passes come upon it. Adds those of the manifest to the report. (warnings.cc)
std::vector<LogRecord> due_warnings(const AppState& app, Report& report, Told& told, Instant now);

// What a step is to people, and what it is counted as.
inline std::string step_name(const Step& step) { return step.verb + " " + step.resource; }
// What it is across passes and plans. Several providers may have to "create user blog".
inline std::string step_key(const Step& step) { return step.provider + " " + step_name(step); }

}  // namespace fairlead
