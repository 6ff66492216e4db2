#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "reconciler/app_state.h"
#include "reconciler/link.h"
#include "reconciler/local_images.h"
#include "reconciler/options.h"
#include "reconciler/ports.h"
#include "reconciler/prune.h"
#include "reconciler/resolve.h"
#include "reconciler/schemes.h"
#include "reconciler/updates.h"
#include "reconciler/world.h"
#include "reconciler/write_queue.h"

// The state machine of the whole program: events and time in, requests out. Level-triggered: every
// pass of an app observes, compares and submits, and every decision is a function of (wanted, seen,
// now); events only say where to look. Never blocks, logs or reads a clock. Owned by the program,
// used from one thread. Invariants: (1) an app is in at most one pass at once; (2) a failed step
// never releases its dependents; (3) no writing request leaves without having passed its provider's
// policy; (4) the same events at the same times give the same requests.
namespace fairlead {
class Reconciler {
 public:
  using Mode = LoopMode;
  Reconciler(Providers providers, std::shared_ptr<const Platform> platform,
             const std::vector<LastGood>& last_good, LoopOptions options);

  // Takes one event and gives the requests that follow from it. Call with Woken when deadline() has
  // passed, and once at the beginning.
  std::vector<Request> handle(const Event& event, Instant now);
  Duration deadline() const;  // steady
  bool finished() const;      // of Mode::once and Mode::plan: there is nothing more to do
  bool converged() const;     // and all is well
  bool stopped() const { return stopped_; }
  bool idle() const { return requests_.empty(); }  // no request is on its way
  Json status(Instant now) const;
  Json explain(const std::string& app, Instant now) const;
  const std::map<std::string, AppState>& apps() const { return apps_; }
  const Catalog& catalog() const { return catalog_; }

 private:
  void on(const Answered& event);  // reconciler.cc
  void on(const Progressed& event);
  void on(const StreamOpened& event);
  void on(const Hinted& event);
  void on(const EventsLost& event);
  void on(const StreamClosed& event);
  void on(const ManifestsChanged& event);  // wanted.cc
  void on(const PlatformChanged& event);
  void on(const Command& event);
  void on(const Woken&) {}
  void on(const Stop&);
  void advance();
  RequestId send(decltype(Request::what) what);
  RequestId ask(Call call);
  void expect(RequestId id, Expected expected) { requests_[id] = std::move(expected); }
  void log(LogRecord record);
  void tell_seldom(Duration& told, LogRecord record);
  AppState& app(const std::string& name);
  Link* link(const std::string& provider);
  const Link& engine() const { return links_.back(); }
  bool awaited(const Link& link) const;
  // wanted.cc: from manifests to wanted graphs, and to removals
  void want(const std::set<std::string>& names);
  void want_all();
  bool kept_outside(const std::string& app) const;
  void want_keepers();
  std::set<std::string> share_out();  // sharing.cc
  void tell_reading(const Catalog::Change& change);
  void save(const std::string& name);
  void keep(const std::string& folder, const std::string& name, const std::string& text);
  void save_again();
  void take_save(const Expected& expected, const Answer& answer);
  std::vector<std::string> data_of(const AppState& app) const;
  void set_wanted(AppState& app, const Catalog::Entry& entry);
  void leave_out(AppState& app, int deaths);
  void resolve_anew(AppState& app, const std::shared_ptr<const App>& whole);
  void guard_removals();
  std::set<std::string> removal_candidates() const;
  bool nothing_left(const AppState& app) const;
  void begin_removal(AppState& app);
  void finish_removal(AppState& app);
  std::string waiting_for(const App& manifest) const;
  void wake_dependents(const std::string& name);
  // choices.cc: which image is run, where it follows its registry
  void ask_registries();
  bool undecided(const std::string& name) const;
  void want_image(const Catalog::Entry& entry);
  void judge_choice(const AppState& app);
  void follow(const Updates::Change& change);
  void forget_choice(const std::string& name);
  void forget_strays();
  void list_images(const Command& command);
  void answer_images(bool all);
  // image_reading.cc: the manifests that images carry
  std::string image_of(const App& manifest) const;
  Result<std::shared_ptr<const App>> whole_app(AppState& app, const Catalog::Entry& entry);
  void tell_ignored(const std::string& name, const std::vector<Error>& ignored);
  bool take_images(AppState& app);
  void keep_image(const std::string& name, const std::string& kept);
  void look_at_tags(const std::map<std::string, std::string>& ids);
  // connections.cc
  void wake_links();
  void place_links();
  void tell_guests(AppState& service);
  bool is_service(const std::string& app) const;
  bool involved(const AppState& app, const Link& link) const;
  bool nobody_runs(const Link& link) const;
  void tell_removal(const AppState& gone);
  std::string guest_that_goes(const AppState& service) const;
  void connection_lost(Link& link);
  void audit(Link& link);
  void take_listing(Link& link, Observer::Observed observed);
  // views.cc: what decisions are made from
  View view_of(const AppState& app, const Link& link) const;
  std::optional<Place> place_of(const AppState& service) const;
  void take_shares(AppState& app);
  void tell_concerned(const AppState& host, const Link& link, const SectionPtr& before);
  void show_shares(const Link& link, View& view) const;
  std::optional<Traffic> traffic_of(const AppState& app) const;
  // pass.cc
  void mark_dirty(AppState& app, Duration due);
  void schedule(AppState& app);
  void begin_passes();
  bool may_begin(const AppState& app) const;
  void begin_pass(AppState& app);
  void observe_more(AppState& app);
  void take_observation(AppState& app, const Expected& expected, const Answer& answer);
  bool worthless(AppState& app);
  void observed(AppState& app);
  void diff(AppState& app);
  void diff_at(const AppState& app, const Link& link, const View& at_engine, Plan& plan,
               Report& report) const;
  void act(AppState& app);
  void submit_step(AppState& app, std::size_t index);
  void take_step(const Expected& expected, const Answer& answer);
  void take_outcome(AppState& app, const InFlight& flight, const Outcome& outcome);
  void step_failed(AppState& app, const Step& step, const Error& error);
  void end_if_done(AppState& app);
  void end_pass(AppState& app);
  void describe(AppState& app, Report report);
  void note(AppState& app, const InFlight& flight, const std::string& trouble);
  void plan_probes(AppState& app, const View& at_engine);
  void send_probes();  // probes.cc
  void take_probe(const Expected& expected, const Answer& answer);
  Json app_status(const AppState& app) const;  // answers.cc: what people and programs are told
  std::string why_nothing(const AppState& app, const std::string& waits) const;
  Json services() const;
  Json routes() const;
  Reply purge(const Command& command);
  Reply approve(const Command& command);
  Reply retry(const Command& command);  // trials_kept.cc, and the next
  void keep_trials(AppState& app);

  Providers providers_;
  std::shared_ptr<const Platform> platform_;
  LoopOptions options_;
  Jitter jitter_;
  Quarantine quarantine_;
  Catalog catalog_;
  PruneGuard guard_;
  PruneGuard::Verdict verdict_;
  std::vector<Link> links_;
  std::map<std::string, AppState> apps_;
  std::map<std::string, std::set<std::string>> dependents_;  // app → apps that come after it
  Claims claims_;
  std::map<std::string, Secret> secrets_, certificates_;
  Owners owners_;
  Schemes schemes_;
  ServedCertificates served_;
  std::map<std::string, WriteQueue> queues_;  // by provider
  Updates updates_;
  LocalImages local_;
  ImageManifests images_;
  std::map<std::uint64_t, Asker> askers_;  // commands that wait for a registry
  Schedule schedule_, probe_schedule_;     // passes; health checks
  std::unordered_map<RequestId, Expected> requests_;
  std::map<RequestId, std::string> streams_;  // stream → provider
  std::string folder_, revision_;
  Unsaved unsaved_;
  Told told_;
  std::set<std::string> forgotten_;  // apps of which nothing is left
  std::map<std::string, std::pair<std::string, std::size_t>> audited_;  // provider → app, object
  std::uint64_t passes_ = 0, last_id_ = 0;
  int observing_ = 0, resync_found_ = 0;
  // The manifests were resolved once; removals are to be decided anew; SIGTERM came.
  bool wanted_once_ = false, guard_due_ = false, stopped_ = false;
  Instant now_;  // this and the next: valid during handle() only
  std::vector<Request>* out_ = nullptr;
};

}  // namespace fairlead
