#include "providers/nginx/acme.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "providers/nginx/acme_steps.h"
#include "reconciler/grammar.h"
#include "reconciler/units.h"

namespace fairlead::nginx {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr hours week{24 * 7};
constexpr hours day{24};
// After the first, second, … order for a host within a week that brought no certificate. Let's
// Encrypt allows five failures an hour, and five equal certificates a week.
constexpr std::array<hours, 4> pauses = {hours(1), hours(4), hours(12), hours(24)};
constexpr std::size_t orders_per_host = pauses.size() + 1;  // within a week
// A host without any certificate by a CA goes before those that have one for longer than this.
constexpr hours urgent{24 * 3};

struct Wanted {
  std::string host;
  std::string cause;
  Duration deadline{0};  // wall; the earliest goes first
};

// Until when nothing is to be done, and why.
struct Hold {
  Duration until{0};  // wall
  std::string why;
};

std::string left(Duration span) {
  if (span >= day * 2) return std::to_string(span / Duration(day)) + " days";
  const Duration unit = span >= minutes(2) ? Duration(minutes(1)) : Duration(seconds(1));
  return format_duration((span + unit - Duration(1)) / unit * unit);
}

// 10 s after the first failure, doubled up to an hour.
Duration check_pause(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 9);
  return std::min<Duration>(seconds(10) * (1 << doublings), hours(1));
}

class Draft {
 public:
  Draft(const AcmeInput& input, Plan& plan, Report& report)
      : input_(input), plan_(plan), report_(report), now_(input.now.wall) {}

  void run() {
    const std::vector<Wanted> wanted = find_wanted();
    const std::optional<Hold> all = hold_of_all();
    std::string chosen;
    for (const Wanted& item : wanted) {
      std::optional<Hold> hold = item.host == running_ ? std::nullopt : all;
      if (!hold && item.host != running_) hold = hold_of(item.host);
      if (hold) {
        tell_waiting(item, *hold);
      } else if (item.host == running_) {
        report_.resources.push_back({"certificate", item.host, "being ordered", item.cause});
      } else if (chosen.empty()) {
        chosen = item.host;
        order(item);
      } else {
        report_.resources.push_back({"certificate", item.host, "waiting", "after " + chosen});
      }
    }
    if (all) due(all->until);
  }

 private:
  // Also when those that need none will.
  std::vector<Wanted> find_wanted() {
    std::vector<Wanted> wanted;
    for (const auto& [host, certificate] : input_.hosts) {
      if (!acme_can(host, input_.platform->edge.acme)) continue;
      if (certificate && !certificate->acme) continue;
      if (!certificate) {
        wanted.push_back({host, "there is none by a CA", now_ + urgent});
        continue;
      }
      const Duration renewed = renewal(*certificate);
      if (now_ < renewed) {
        due(renewed);
        continue;
      }
      const Duration rest = certificate->ends - now_;
      const std::string cause = rest.count() > 0 ? "it ends in " + left(rest) : "it has ended";
      wanted.push_back({host, cause, certificate->ends});
    }
    std::stable_sort(wanted.begin(), wanted.end(),
                     [](const Wanted& a, const Wanted& b) { return a.deadline < b.deadline; });
    return wanted;
  }

  static Duration renewal(const Certificate& certificate) {
    return certificate.ends - (certificate.ends - certificate.begins) / 3;
  }

  // Of this week; those of all hosts where `host` is empty. A clock that was set back makes some of
  // the future, which count as if of now.
  std::vector<Duration> attempts(const std::string& host) const {
    std::vector<Duration> times;
    for (const Attempt& attempt : input_.seen->attempts) {
      if (!outdated(attempt) && now_ - attempt.at < week &&
          (host.empty() || attempt.host == host)) {
        times.push_back(std::min(attempt.at, now_));
      }
    }
    return times;
  }

  bool outdated(const Attempt& attempt) const {
    return attempt.at > now_ + day || now_ - attempt.at > week + day;
  }

  std::optional<Hold> hold_of_all() {
    if (auto hold = order_under_way()) return hold;
    const std::vector<Duration> times = attempts("");
    const auto budget =
        static_cast<std::size_t>(std::max(input_.platform->edge.acme.orders_per_week, 0));
    if (budget == 0) return Hold{now_ + week, "the platform file allows no orders"};
    if (times.size() >= budget) {
      return Hold{times[times.size() - budget] + week,
                  std::to_string(times.size()) + " orders went out within a week, which is all " +
                      "that edge.acme.orders_per_week allows"};
    }
    return hold_by_trouble(ask_name);
  }

  // Only the latest can be: no other goes out before its end is known.
  std::optional<Hold> order_under_way() {
    if (input_.seen->attempts.empty()) return std::nullopt;
    const Attempt& last = input_.seen->attempts.back();
    const Duration limit = last.at + order_timeout(input_.platform->edge.acme) + minutes(1);
    if (outdated(last) || now_ >= limit || ended(last.host)) return std::nullopt;
    running_ = last.host;
    return Hold{limit, "the order of " + last.host + " is under way"};
  }

  bool ended(const std::string& host) const {
    const auto held = input_.hosts.find(host);
    if (held != input_.hosts.end() && held->second && now_ < renewal(*held->second)) return true;
    const std::optional<Duration> recorded = counted(recorded_counter(host));
    if (!recorded) return false;  // by a daemon that is no more
    const Trouble* trouble = trouble_of(order_name(host));
    const std::optional<Duration> ordered = counted(ordered_counter(host));
    return (trouble && trouble->last >= *recorded) || (ordered && *ordered >= *recorded);
  }

  std::optional<Hold> hold_of(const std::string& host) const {
    for (const std::string& step : {check_name(host), record_name(host)}) {
      if (auto hold = hold_by_trouble(step)) return hold;
    }
    const std::vector<Duration> times = attempts(host);
    if (times.empty()) return std::nullopt;
    const Trouble* trouble = trouble_of(order_name(host));
    if (account_to_go(trouble) || account_is_new(trouble)) return std::nullopt;
    const std::string why = trouble ? trouble->text : "the last order brought no certificate";
    if (times.size() < orders_per_host) {
      const Duration until = times.back() + pauses[times.size() - 1];
      return until > now_ ? std::optional(Hold{until, why}) : std::nullopt;
    }
    return Hold{times[times.size() - orders_per_host] + week,
                why + "; " + std::to_string(times.size()) + " orders within a week were in vain"};
  }

  std::optional<Hold> hold_by_trouble(const std::string& step) const {
    const Trouble* trouble = trouble_of(step);
    if (trouble == nullptr) return std::nullopt;
    const Duration rest = trouble->last + check_pause(trouble->count) - input_.now.steady;
    if (rest.count() <= 0) return std::nullopt;
    return Hold{now_ + rest, trouble->text};
  }

  // A dead account is replaced once a day, or a CA that wants none of ours would get one each time.
  bool account_to_go(const Trouble* trouble) const {
    if (trouble == nullptr || !account_is_dead(trouble->text)) return false;
    const std::optional<Duration> removed = counted(account_counter);
    return !removed || (trouble->last > *removed && input_.now.steady - *removed > day);
  }

  bool account_is_new(const Trouble* trouble) const {
    const std::optional<Duration> removed = counted(account_counter);
    return trouble && account_is_dead(trouble->text) && removed && *removed >= trouble->last;
  }

  void order(const Wanted& item) {
    std::vector<std::size_t> before;
    if (input_.platform->edge.acme.dns.empty()) {
      Step check = check_host(input_, item.host);
      check.needs = {plan_.add(write_probe(input_))};
      before.push_back(plan_.add(std::move(check)));
    }
    Step ask = ask_authority(input_);
    ask.needs = before;  // so that its answer is of now
    before = {plan_.add(std::move(ask))};
    if (account_to_go(trouble_of(order_name(item.host)))) {
      Step removal = remove_account();
      removal.needs = before;
      before = {plan_.add(std::move(removal))};
    }
    Step record = record_attempt(input_, item.host);
    record.needs = before;
    Step ordered = order_certificate(input_, item.host, item.cause);
    ordered.needs = {plan_.add(std::move(record))};
    plan_.add(std::move(ordered));
    for (const Attempt& attempt : input_.seen->attempts) {
      if (outdated(attempt)) plan_.add(forget_attempt(attempt));
    }
    report_.resources.push_back({"certificate", item.host, "ordering", item.cause});
  }

  void tell_waiting(const Wanted& item, const Hold& hold) {
    const std::string text =
        item.cause + "; " + hold.why + "; next try in " + left(hold.until - now_);
    report_.resources.push_back({"certificate", item.host, "waiting", text});
    report_.worsen(HealthState::healthy, "CertificateWaiting", item.host + ": " + text);
    due(hold.until);
  }

  void due(Duration wall) { report_.due(input_.now.steady + (wall - now_)); }

  std::optional<Duration> counted(const std::string& counter) const {
    const auto found = input_.memory->counters.find(counter);
    if (found == input_.memory->counters.end()) return std::nullopt;
    return found->second.last;
  }

  const Trouble* trouble_of(const std::string& step) const {
    const auto found = input_.memory->troubles.find(step);
    return found == input_.memory->troubles.end() ? nullptr : &found->second;
  }

  const AcmeInput& input_;
  Plan& plan_;
  Report& report_;
  const Duration now_;   // wall
  std::string running_;  // host of the order under way; empty: none
};

}  // namespace

bool acme_can(const std::string& host, const Platform::Edge::Acme& acme) {
  // Of RFC 2606, 6761, 6762, 7686, 8375 and ICANN's choice for private use; the others are habits.
  static constexpr std::array<std::string_view, 14> private_ends = {
      "localhost", "local", "internal", "lan",  "home",  "corp", "private",
      "intranet",  "test",  "invalid",  "arpa", "onion", "alt",  "localdomain"};
  const bool wildcard = host.compare(0, 2, "*.") == 0;
  if (wildcard && acme.dns.empty()) return false;
  const std::string name = host.substr(wildcard ? 2 : 0);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos || name != normal_domain(name, false)) return false;
  const std::string end = name.substr(dot + 1);
  const bool numeric = end.find_first_not_of("0123456789") == std::string::npos;  // of an address
  return !numeric && std::find(private_ends.begin(), private_ends.end(), end) == private_ends.end();
}

void diff_acme(const AcmeInput& input, Plan& plan, Report& report) {
  if (!input.platform->edge.acme.email.empty()) Draft(input, plan, report).run();
}

}  // namespace fairlead::nginx
