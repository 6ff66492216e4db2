#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/live/edge_host.h"
#include "tests/temp_folder.h"

// `edge: {mode: host}`: an nginx that fairlead does not run, on this machine itself.
namespace fairlead::testing {
namespace {

namespace fs = std::filesystem;

constexpr char docker[] = "/usr/bin/docker";
constexpr int status_port = 18404;
// The password "geheim" of "user", by SHA-512 crypt, and in a request.
constexpr char password_line[] =
    "user:$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/"
    "ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7"
    "jGc/IZY/\n";
constexpr char credentials[] = "Basic dXNlcjpnZWhlaW0=";

// nginx as a package of the system would run it, but with a process id file and ports of its own.
// The program is that of the edge's image, so that no package has to be there whose service would
// start.
class HostNginx {
 public:
  HostNginx() {
    for (const char* folder : {"/var/log/nginx", "/var/lib/nginx"}) {
      if (fs::create_directories(folder)) made_.push_back(folder);
    }
    // Its workers are nobody, and have to get through.
    fs::permissions(prefix_.path(), fs::perms(0711));
    prefix_.write("signal.conf", "pid " + prefix_ / "nginx.pid" + ";\nevents {}\n");
  }
  ~HostNginx() {
    kill();
    for (const std::string& folder : made_) fs::remove_all(folder);
  }
  HostNginx(const HostNginx&) = delete;
  HostNginx& operator=(const HostNginx&) = delete;

  // What the platform file says of it.
  std::string settings() const {
    const std::string program = "[" + prefix_ / "nginx" + ", ";
    return "edge:\n  mode: host\n  address: 127.0.0.1\n  http_port: " +
           std::to_string(EdgeHost::http_port) +
           "\n  https_port: " + std::to_string(EdgeHost::https_port) +
           "\n  status_port: " + std::to_string(status_port) + "\n  test: " + program +
           "-t, -q, -c, \"{config}\", -g, \"" + pid_line() + "\"]\n  reload: " + program + "-c, " +
           prefix_ / "signal.conf" + ", -s, reload]\n";
  }

  void take_program(const LiveHost& host) {
    const std::string name = host.name("program");
    run(host, {docker, "create", "--name", name, "fairlead/nginx:1"});
    run(host, {docker, "cp", name + ":/usr/sbin/nginx", prefix_ / "nginx"});
    run(host, {docker, "rm", name});
  }

  void start(const LiveHost& host) {
    Child::Setup setup;
    setup.output = host / "nginx.log";
    child_.emplace(
        std::vector<std::string>{prefix_ / "nginx", "-c", host / "state/edge/current.conf", "-g",
                                 "daemon off; " + pid_line()},
        setup);
  }

  // With SIGKILL, the workers too: these live on without their master.
  void kill() {
    if (!child_) return;
    const std::string pid = std::to_string(child_->pid());
    std::istringstream workers(read_text("/proc/" + pid + "/task/" + pid + "/children"));
    child_->signal(SIGKILL);
    child_->wait(seconds(5));
    for (pid_t worker = 0; workers >> worker;) ::kill(worker, SIGKILL);
    child_.reset();
  }

 private:
  static void run(const LiveHost& host, const std::vector<std::string>& words) {
    Child::Setup setup;
    setup.output = host / "docker.log";
    const std::optional<int> code = Child(words, setup).wait(seconds(60));
    REQUIRE_MESSAGE(code == 0, read_text(setup.output));
  }
  std::string pid_line() const { return "pid " + prefix_ / "nginx.pid" + ";"; }

  TempFolder prefix_;
  std::vector<std::string> made_;
  std::optional<Child> child_;
};

// The edge's folder stands below the state folder, as by default; what is above is open to all.
struct Scene {
  HostNginx nginx;
  EdgeHost edge{nginx.settings()};

  Scene() {
    nginx.take_program(edge.host());
    fs::permissions(edge.host() / "", fs::perms(0711));
    edge.host().until("there is a configuration",
                      [&] { return fs::exists(edge.host() / "state/edge/current.conf"); });
    nginx.start(edge.host());
  }
};

TEST_CASE("an nginx of the host serves the apps, and its workers can read what they need") {
  Scene scene;
  EdgeHost& edge = scene.edge;
  const std::string app = edge.host().name("site");
  edge.deploy(app, 1);
  CHECK(fetch(edge.http(app)).body == "1\n");
  CHECK(fetch(edge.https("nobody")).error == "handshake");
  CHECK(edge.route(EdgeHost::name_of(app))["state"].as_string() == "live");
  CHECK(edge.host().names("edge").empty());

  const std::string shut = edge.host().name("shut");
  edge.secret("shut.htpasswd", password_line);
  edge.host().put("shut.yml", edge.manifest(shut, 1, "auth: shut.htpasswd"));
  edge.until_status("the password is asked for", edge.http(shut), 401);
  WebRequest login = edge.https(shut);
  login.headers = {{"Authorization", credentials}};
  CHECK(fetch(login).body == "1\n");
  const fs::path challenge = edge.host() / "state/edge/challenges/.well-known/acme-challenge/token";
  fs::create_directories(challenge.parent_path());
  std::ofstream(challenge) << "answer";
  CHECK(fetch(edge.http(app, "/.well-known/acme-challenge/token")).body == "answer");
}

TEST_CASE("a route that the host's nginx rejects is quarantined alone") {
  Scene scene;
  EdgeHost& edge = scene.edge;
  const std::string good = edge.host().name("good");
  const std::string weak = edge.host().name("weak");
  edge.deploy(good, 1);
  edge.put_certificate(EdgeHost::name_of(weak), 512);
  edge.host().put("weak.yml", edge.manifest(weak, 1));
  edge.host().until("it is rejected", [&] {
    return edge.route(EdgeHost::name_of(weak))["state"].as_string() == "rejected";
  });
  edge.deploy(good, 2);
  CHECK(fetch(edge.http(weak)).status == 404);
  edge.put_certificate(EdgeHost::name_of(weak), 0);
  edge.until_serves(weak, 1);
}

TEST_CASE(
    "an nginx of the host that is killed serves the last good generation when it comes back") {
  Scene scene;
  EdgeHost& edge = scene.edge;
  const std::string app = edge.host().name("back");
  edge.deploy(app, 1);
  edge.host().kill();
  scene.nginx.kill();
  edge.host().until("nobody listens", [&] { return fetch(edge.http(app)).error == "connect"; });
  scene.nginx.start(edge.host());
  edge.until_serves(app, 1);
  scene.nginx.kill();
  edge.host().start();
  edge.host().put(app + ".yml", edge.manifest(app, 2));
  scene.nginx.start(edge.host());
  edge.until_serves(app, 2);
}

}  // namespace
}  // namespace fairlead::testing
