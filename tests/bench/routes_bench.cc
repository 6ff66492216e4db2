// The production loop over a simulated host, in virtual time. Prints JSON.
//
//   bench_routes ROUTES ROUNDS
//     What one changed route costs among so many: our CPU (only what handle() takes) in
//     milliseconds, the mean, so that what is put off (the removal of old files) is counted; and
//     how many sites were written, tests made and reloads sent from the change until nginx serves
//     it, at most.
//   bench_routes ROUTES
//     How many routes nginx serves and how many are quarantined where it refuses one of so many.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "providers/docker/docker.h"
#include "providers/nginx/nginx.h"
#include "reconciler/keys.h"
#include "reconciler/reconciler.h"
#include "tests/sim/host.h"

namespace {

using namespace fairlead;
using namespace fairlead::sim;
using std::chrono::seconds;

constexpr seconds patience{900};

double cpu_ms() {
  timespec spec{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spec);
  return static_cast<double>(spec.tv_sec) * 1e3 + static_cast<double>(spec.tv_nsec) / 1e6;
}

std::string name(int number) {
  std::string digits = std::to_string(number);
  return "app-" + std::string(5 - digits.size(), '0') + digits;
}

std::string manifest(int number, int timeout) {
  return "name: " + name(number) +
         "\nimage: app:1\nhealth: {http: /up, interval: 60s}\nexpose:\n- {port: 80, timeout: " +
         std::to_string(timeout) + "s}\n";
}

class Bench {
 public:
  explicit Bench(int routes) : keys_("0123456789abcdef", Secret(std::string(32, 'k'))) {
    SimImage nginx = image("nginx:1");
    nginx.program.service = "nginx";
    world_.engine().add_image(nginx);
    world_.engine().add_image(image("app:1"));
    std::map<std::string, std::string> files = {{"edge.yml", edge_manifest()}};
    for (int i = 0; i < routes; ++i) files[name(i) + ".yml"] = manifest(i, 60);
    Providers providers;
    providers.push_back(nginx::make_provider(keys_));
    providers.push_back(docker::make_provider(keys_));
    auto platform = std::make_shared<Platform>();
    platform->network.pool = "10.128.0.0/9";
    loop_ = std::make_unique<Reconciler>(std::move(providers), platform, std::vector<LastGood>(),
                                         LoopOptions());
    take(Woken{});
    world_.set_files(files);
  }

  // Until every app is Synced and Healthy; false: it took too long.
  bool settle() {
    const Duration end = world_.now().steady + patience;
    // What was just changed is looked at after a moment.
    const Duration earliest = world_.now().steady + seconds(2);
    while (world_.now().steady < earliest || !loop_->converged()) {
      if (world_.now().steady >= end) return false;
      take(world_.wait(std::min(loop_->deadline(), world_.now().steady + Duration(seconds(1)))));
    }
    return true;
  }

  void change(int route, int timeout) {
    world_.set_file(name(route) + ".yml", manifest(route, timeout));
  }

  std::size_t count(std::size_t from, const std::string& text) const {
    const auto& trace = world_.trace();
    return static_cast<std::size_t>(
        std::count_if(trace.begin() + static_cast<std::ptrdiff_t>(from), trace.end(),
                      [&](const TraceLine& line) { return line.text().find(text) != text.npos; }));
  }
  std::size_t traced() const { return world_.trace().size(); }
  double spent() const { return spent_; }

 private:
  void take(const Event& event) {
    const double begun = cpu_ms();
    std::vector<Request> requests = loop_->handle(event, world_.now());
    spent_ += cpu_ms() - begun;
    for (Request& request : requests) world_.submit(std::move(request));
  }

  Keys keys_;
  SimWorld world_;
  std::unique_ptr<Reconciler> loop_;
  double spent_ = 0;
};

int refuse_one(int routes) {
  Host host;
  std::map<std::string, std::string> files = {{"edge.yml", edge_manifest()}};
  for (int i = 0; i < routes; ++i) files[name(i) + ".yml"] = manifest(i, 60);
  SimNginx& nginx = host.world().nginx();
  nginx.traps.bad_apps = {name(routes / 2)};
  host.world().set_files(files);
  host.run(seconds(120));
  int quarantined = 0;
  const Json all = host.ask("routes").body;
  for (const Json& route : all["routes"].items()) {
    if (route["state"].as_string() == "rejected") ++quarantined;
  }
  // Each host is served by HTTP and by HTTPS.
  const std::size_t live = nginx.live() ? nginx.live()->configuration.ways.size() / 2 : 0;
  std::printf("{\"live\":%zu,\"quarantined\":%d}\n", live, quarantined);
  return 0;
}

int change_one(int routes, int rounds) {
  Bench bench(routes);
  if (!bench.settle()) {
    std::fputs("bench_routes: it does not settle\n", stderr);
    return 1;
  }
  const double first = bench.spent();
  std::size_t sites = 0;
  std::size_t tests = 0;
  std::size_t reloads = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::size_t from = bench.traced();
    bench.change(round * 7 % routes, 61 + round);
    if (!bench.settle()) return 1;
    sites = std::max(sites, bench.count(from, "WRITE edge:sites/"));
    tests = std::max(tests, bench.count(from, "nginx -t"));
    reloads = std::max(reloads, bench.count(from, "signal=HUP"));
  }
  std::printf(
      "{\"routes\":%d,\"first_ms\":%.0f,\"cpu_ms\":%.2f,\"sites\":%zu,\"tests\":%zu,"
      "\"reloads\":%zu}\n",
      routes, first, (bench.spent() - first) / rounds, sites, tests, reloads);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return refuse_one(std::atoi(argv[1]));
  if (argc == 3) return change_one(std::atoi(argv[1]), std::atoi(argv[2]));
  std::fputs("usage: bench_routes ROUTES [ROUNDS]\n", stderr);
  return 1;
}
