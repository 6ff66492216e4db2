#include "providers/nginx/diff.h"

#include <algorithm>
#include <utility>

#include "providers/nginx/acme.h"
#include "providers/nginx/app.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

namespace fairlead::nginx {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// How soon nginx is asked again while it is to show a generation, and until when.
constexpr milliseconds poll_soon{20};
constexpr microseconds poll_soon_site{150};
constexpr seconds taken_within{3};
constexpr milliseconds taken_within_site{10};  // it reads all certificates anew
constexpr int reloads_max = 2;
constexpr seconds refused_pause{30};
// Each reload may leave workers behind that end with their last connection. Where these become
// many, more is gathered for each reload.
constexpr milliseconds reloads_apart{300};
constexpr int old_workers_many = 64;
constexpr seconds reloads_apart_then{30};
// Files that nothing refers to any more go once there was no reload for a while, or there are many.
constexpr seconds tidy_after{30};
constexpr std::size_t removals_max = 50;

const SeenEdge& edge_of(const Section* section) {
  static const SeenEdge nothing;
  const auto* seen = dynamic_cast<const SeenEdge*>(section);
  return seen ? *seen : nothing;
}

const Counter* counter(const View& view, const std::string& name) {
  const auto found = view.memory->counters.find(name);
  return found == view.memory->counters.end() ? nullptr : &found->second;
}

// Drafts the plan of the edge.
class EdgeDiff {
 public:
  EdgeDiff(const Keys& keys, const View& view, Plan& plan, Report& report)
      : keys_(keys), view_(view), seen_(edge_of(view.seen)), plan_(plan), report_(report) {}

  void run() {
    const bool begun = is_there(seen_.current);
    if (!begun && (!view_.place || seen_.gone)) return begin();
    try_again_later();
    report_.resources.push_back({"generation", seen_.current, state_text(), ""});
    if (!view_.place && !seen_.gone) report_.due(view_.now.steady + seconds(5));
    if (!view_.place) return;
    certificates();
    if (begun && seen_.live != seen_.current) return confirm();
    choose();
    if (!begun) {
      restore();
    } else if (wanted_ != seen_.current) {
      change();
    } else {
      tidy();
    }
  }

 private:
  using Needs = std::vector<std::size_t>;

  std::size_t add(Step step, std::string cause, Needs needs = {}) {
    step.cause = std::move(cause);
    step.needs = std::move(needs);
    return plan_.add(std::move(step));
  }

  bool is_there(const std::string& generation) const {
    return seen_.files->count(generation_path(generation)) > 0;
  }

  // Nothing runs yet: one without sites, and of the oldest words, is right whatever nginx it is.
  void begin() {
    const auto text = [&](const std::string& id) {
      return render_generation(*view_.platform, {}, id, Version{0, 0, 0});
    };
    wanted_ = id_of(keys_, text(""));
    Needs needs;
    write(
        generation_path(wanted_), [&] { return Secret(text(wanted_)); }, "there is none", needs);
    add(switch_to(wanted_), "there is none", needs);
    report_.out_of_sync("Starting", "the edge begins without sites");
  }

  // current.conf names nothing that is there. nginx goes on with what it has in its memory, and
  // must not be told to read less.
  void restore() {
    const std::string cause = "current.conf names no generation that is there";
    report_.out_of_sync("Converging", cause);
    if (!seen_.answers) {
      silent();
    } else if (is_there(seen_.live)) {
      add(switch_to(seen_.live), cause);
    } else if (view_.undecided.empty()) {
      change();
    } else {
      report_.worsen(HealthState::progressing, "EdgeFilesLost",
                     cause + "; waits for the app " + *view_.undecided.begin());
    }
  }

  void silent() {
    report_.due(view_.now.steady + seconds(1));
    report_.worsen(HealthState::progressing, "EdgeSilent", "nginx does not answer");
  }

  std::string text_of(const std::string& id, const Index& index) const {
    return render_generation(*view_.platform, index, id, seen_.version);
  }
  std::string name_generation(const Index& index) const { return id_of(keys_, text_of("", index)); }

  // The sites of the next generation: of each app what it adds now, or what is there, where that is
  // rejected or not known yet.
  void choose() {
    for (const auto& [app, share] : *view_.shares) {
      const AppShare* added = added_by(share);
      if (!added) continue;
      if (!refusal_of(seen_, *added)) {
        index_.insert_or_assign(index_.end(), app, Included{added->id, added->addresses});
        chosen_.push_back(added);
      } else {
        keep(app);
      }
    }
    for (const std::string& app : view_.undecided) keep(app);
    wanted_ = name_generation(index_);
  }

  void certificates() {
    AcmeInput input;
    input.platform = view_.platform;
    input.keys = &keys_;
    input.memory = view_.memory;
    input.now = view_.now;
    input.seen = &seen_.acme;
    for (const auto& [app, share] : *view_.shares) {
      const AppShare* added = added_by(share);
      if (!added || refusal_of(seen_, *added)) continue;
      input.hosts.insert(added->domains.begin(), added->domains.end());
    }
    diff_acme(input, plan_, report_);
  }

  bool is_rejected(const std::string& app, const std::string& id) const {
    return seen_.rejected.count(site_name(app, id)) > 0;
  }

  void keep(const std::string& app) {
    const Index& sites = seen_.sites(seen_.current);
    const auto held = sites.find(app);
    if (held == sites.end() || is_rejected(app, held->second.id)) return;
    if (seen_.files->count(site_path(app, held->second.id)) > 0) index_[app] = held->second;
  }

  // There are thousands of files: the content is made only of those that are not there.
  template <typename Content>
  void write(const std::string& path, const Content& content, const std::string& cause,
             Needs& needs) {
    if (seen_.files->count(path) > 0 || !written_.insert(path).second) return;
    needs.push_back(add(write_file(path, content()), cause));
  }

  // Those that nginx did not take are tried again.
  void try_again_later() {
    for (const auto& [name, counted] : view_.memory->counters) {
      const bool due = name.starts_with(not_taken) &&
                       seen_.rejected.count(name.substr(sizeof not_taken - 1)) > 0;
      if (due) report_.due(not_taken_until(counted));
    }
  }

  // Nobody says whose fault it is that a generation was not taken: half of what changed is tried,
  // until it is one site.
  void halve() {
    if (seen_.live != seen_.current || refusal().empty()) return;
    const Index& live = seen_.sites(seen_.live);
    std::vector<std::string> apps = changed_apps(live, index_);
    while (apps.size() > 1 && !refusal().empty()) {
      for (const std::size_t half = apps.size() / 2; apps.size() > half; apps.pop_back()) {
        const auto held = live.find(apps.back());
        std::erase_if(chosen_, [&](const auto* added) { return added->app == apps.back(); });
        index_.erase(apps.back());
        if (held != live.end()) index_.insert(*held);
      }
      wanted_ = name_generation(index_);
    }
  }

  // "APP.ID" where nothing but this site is new beside what is live.
  std::string only_change(const Index& sites) const {
    const Index& live = seen_.sites(seen_.live);
    const std::vector<std::string> apps = changed_apps(live, sites);
    if (apps.size() != 1 || name_generation(live) != seen_.live) return "";
    const auto site = sites.find(apps.front());
    return site == sites.end() ? "" : site_name(site->first, site->second.id);
  }

  void change() {
    halve();
    const std::string cause = changes();
    const std::string refused = refusal();
    if (!refused.empty() && only_change(index_).empty()) {
      return report_.worsen(HealthState::degraded, "ReloadRefused", refused);
    }
    if (!may_reload()) return report_.out_of_sync("Converging", cause);
    const Needs needs = write_all(cause);
    const std::size_t tested = add(test(*view_.platform, *view_.place, wanted_), cause, needs);
    const std::size_t switched = add(switch_to(wanted_), "tested", {tested});
    const std::size_t reloaded =
        add(reload(*view_.platform, *view_.place, wanted_), cause, {switched});
    add(wait_for(wanted_), "until nginx says that it serves it", {reloaded});
  }

  // What the wanted generation needs and is not there.
  Needs write_all(const std::string& cause) {
    Needs needs;
    for (const AppShare* added : chosen_) {
      const auto& own = added->own;
      for (const auto& [path, content] : added->site.files) {
        const auto text = [&, &said = content] {
          return said.empty() && own ? sign(keys_, *own) : said;
        };
        write(path, text, added->app, needs);
      }
      const auto text = [&site = added->site] { return Secret(site.text); };
      write(site_path(added->app, added->id), text, added->app, needs);
    }
    const auto text = [&] { return Secret(text_of(wanted_, index_)); };
    write(generation_path(wanted_), text, cause, needs);
    return needs;
  }

  bool may_reload() const {
    const Counter* last = counter(view_, all_reloads);
    if (!last) return true;
    const bool many = seen_.old_workers >= old_workers_many;
    const Duration due =
        last->last + (many ? Duration(reloads_apart_then) : Duration(reloads_apart));
    if (view_.now.steady >= due) return true;
    report_.due(due);
    return false;
  }

  // Why the wanted generation is not tried: it was, and nginx did not take it.
  std::string refusal() const {
    const Counter* refused = counter(view_, "refused " + wanted_);
    if (!refused || view_.now.steady >= refused->last + refused_pause) return "";
    report_.due(refused->last + refused_pause);
    return "nginx was told to reload and goes on with generation " + seen_.live +
           "; look at the log of the edge's container";
  }

  int sites() const { return static_cast<int>(seen_.sites(seen_.current).size()); }
  Duration patience() const {
    return Duration(taken_within) + Duration(taken_within_site) * sites();
  }

  void confirm() {
    report_.out_of_sync("Converging", "nginx does not serve generation " + seen_.current + " yet");
    const Counter* reloads = counter(view_, all_reloads);
    const Counter* again = counter(view_, "again " + seen_.current);
    const Duration last =
        std::max(reloads ? reloads->last : Duration(0), again ? again->last : Duration(0));
    if (reloads && view_.now.steady < last + patience()) {
      report_.due(view_.now.steady + poll_soon + poll_soon_site * sites());
      add(wait_for(seen_.current), "until nginx says that it serves it");
    } else if (!seen_.answers) {
      silent();
    } else if (!again || again->count < reloads_max) {
      Step step = reload(*view_.platform, *view_.place, seen_.current);
      if (reloads) step.count_as = "again " + seen_.current;
      add(std::move(step), "nginx serves generation " + seen_.live);
    } else if (seen_.generations.count(seen_.live) > 0) {
      Step back = switch_to(seen_.live);
      const std::string site = only_change(seen_.sites(seen_.current));
      back.count_as = site.empty() ? "refused " + seen_.current : not_taken + site;
      add(std::move(back), "nginx does not take generation " + seen_.current);
    }
  }

  // Files beside the sites that apps add, in order.
  std::vector<std::string_view> files_beside() const {
    std::vector<std::string_view> paths;
    for (const AppShare* added : chosen_) {
      for (const auto& [path, content] : added->site.files) paths.push_back(path);
    }
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
  }

  // Writes what is missing, which nginx does not miss until it is started again, and removes what
  // neither this generation nor what apps add needs.
  void tidy() {
    const std::string generation = generation_path(seen_.current);
    const std::vector<std::string_view> used = files_beside();
    // The files beside a site that is kept are known only to the app that adds it.
    const bool all_known = chosen_.size() == index_.size();
    std::vector<const std::string*> unused;
    std::size_t there = 0;
    for (const std::string& path : *seen_.files) {
      if (path == current_path) continue;
      const bool site = path.starts_with("sites/");
      const bool beside = !site && !path.starts_with("generation.");
      const bool needed = site     ? is_included(path)
                          : beside ? std::binary_search(used.begin(), used.end(), path)
                                   : path == generation;
      if (needed) ++there;
      if (!needed && (!beside || all_known)) unused.push_back(&path);
    }
    if (there < index_.size() + used.size() + 1) write_all("removed by hand");
    if (unused.empty() || !may_remove(unused.size())) return;
    unused.resize(std::min(unused.size(), removals_max));
    for (const std::string* path : unused) {
      add(remove_file(*path), "nothing refers to it any more");
    }
  }

  bool may_remove(std::size_t count) const {
    const Counter* last = counter(view_, all_reloads);
    if (!last || count >= removals_max || view_.now.steady >= last->last + tidy_after) return true;
    report_.due(last->last + tidy_after);
    return false;
  }

  bool is_included(const std::string& path) const {
    const std::size_t begin = path.find('/') + 1;
    const auto site = index_.find(path.substr(begin, path.find('.') - begin));
    return site != index_.end() && path == site_path(site->first, site->second.id);
  }

  // "blog added, shop changed, 2 more"
  std::string changes() const {
    const Index& before = seen_.sites(seen_.current);
    const std::vector<std::string> apps = changed_apps(before, index_);
    if (apps.empty()) return "settings of the edge";
    std::string text;
    for (std::size_t i = 0; i < apps.size() && i < 3; ++i) {
      const bool removed = index_.count(apps[i]) == 0;
      const char* how = removed ? " removed" : before.count(apps[i]) == 0 ? " added" : " changed";
      text += (i == 0 ? "" : ", ") + apps[i] + how;
    }
    if (apps.size() > 3) text += ", and " + std::to_string(apps.size() - 3) + " more";
    return text;
  }

  std::string state_text() const {
    const std::string sites = std::to_string(seen_.sites(seen_.current).size()) + " sites, ";
    const Counter* reloads = counter(view_, all_reloads);
    std::string told =
        reloads ? ", " + std::to_string(reloads->count) + " reloads since the start" : "";
    if (seen_.old_workers > 0) told += ", " + std::to_string(seen_.old_workers) + " old workers";
    if (!view_.place) return sites + "nginx does not run";
    return sites + (seen_.live == seen_.current ? "live" : "not live yet") + told;
  }

  const Keys& keys_;
  const View& view_;
  const SeenEdge& seen_;
  Plan& plan_;
  Report& report_;
  std::string wanted_;                   // id of the generation
  Index index_;                          // its sites
  std::vector<const AppShare*> chosen_;  // of these, those that apps add now
  std::set<std::string> written_;
};

}  // namespace

void diff_edge(const Keys& keys, const View& view, Plan& plan, Report& report) {
  EdgeDiff(keys, view, plan, report).run();
}

}  // namespace fairlead::nginx
