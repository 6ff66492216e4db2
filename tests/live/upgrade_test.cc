#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <thread>

#include "tests/certificate_maker.h"
#include "tests/live/busybox_image.h"
#include "tests/live/live_host.h"

// The build before (tests/run makes it) starts containers, and this one goes on with them.
namespace fairlead::testing {
namespace {

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string serving(const std::string& app, const std::string& image, const std::string& more) {
  return "name: " + app + "\nimage: " + image + "\ncommand: [httpd, -f, -p, \"8080\"]\n" + more;
}

// All containers of the apps: name → id, start and count of restarts.
std::map<std::string, std::string> standing(const LiveHost& host,
                                            const std::vector<std::string>& apps) {
  std::map<std::string, std::string> all;
  for (const std::string& app : apps) {
    for (const Json& listed : host.containers(app)) {
      const Json seen = host.engine().inspect(listed["Id"].as_string());
      all[seen["Name"].as_string()] = seen["Id"].as_string() + " " +
                                      seen["State"]["StartedAt"].as_string() + " " +
                                      std::to_string(seen["RestartCount"].as_int());
    }
  }
  return all;
}

bool has_line(const Json& list, const std::string& line) {
  for (const Json& item : list.items()) {
    if (item.as_string() == line) return true;
  }
  return false;
}

TEST_CASE("an upgrade starts, stops, makes and removes nothing") {
  const std::string before = environment("FAIRLEAD_TEST_BEFORE", "");
  REQUIRE_MESSAGE(!before.empty(),
                  "FAIRLEAD_TEST_BEFORE must name the program of the build before");
  LiveHost host(
      "edge: {mode: host, test: [/bin/true], reload: [/bin/true]}\nprune: {grace: 300ms}\n");
  const std::string plain = host.name("plain"), wrong = host.name("wrong");
  const std::string shop = host.name("shop"), job = host.name("job");
  const std::string image = "fairlead-test/upgrade" + host.name("") + ":1";
  const std::string tag = image.substr(0, image.size() - 2);
  host.engine().import_image(tag, "1", {});
  host.foreign("image", image);
  const MadeCertificate certificate =
      make_certificate({.common_name = "shop.example.org", .names = "DNS:shop.example.org"});
  write(host / "certificates/shop.example.org.crt", certificate.crt());
  write(host / "certificates/shop.example.org.key", certificate.pem_key());
  write(host / "secrets/key", "hunter2\n");
  // Says no check, and one of them listens elsewhere.
  host.put("plain.yml", serving(plain, "fairlead-test/live:1", "expose: [{port: 8080}]\n"));
  host.put("wrong.yml", serving(wrong, "fairlead-test/live:1", "expose: [{port: 3000}]\n"));
  host.put("shop.yml",
           serving(shop, image,
                   "expose: [{port: 8080, domains: [shop.example.org]}]\nneeds: [storage]\n"
                   "secrets: {KEY: {file: key, as: env}, OTHER: {file: key}}\n"
                   "processes: {worker: {command: [sleep, \"100000\"]}}\n"));
  host.put("job.yml",
           serving(job, image, "processes: {once: {command: [\"true\"], restart: on-failure}}\n"));
  const std::vector<std::string> apps = {plain, wrong, shop, job};
  host.start(before);
  host.until("all run", [&] {
    for (const std::string& app : apps) {
      if (host.app(app)["health"].as_string() != "Healthy") return false;
    }
    return true;
  });
  const auto made = standing(host, apps);
  CHECK(made.size() == 6);
  CHECK(host.stop(seconds(10)) == 0);
  host.engine().import_image(tag, "1", {}, {{"etc/another", "image"}});
  host.start();
  host.until("it has looked", [&] {
    return host.app(shop)["health"].as_string() == "Healthy" &&
           host.app(plain)["health"].as_string() == "Healthy" &&
           host.app(job)["health"].as_string() == "Healthy" &&
           host.app(wrong)["message"].as_string().find("port 3000") != std::string::npos &&
           host.app(job)["reason"].as_string() == "ImageNotTried";
  });
  std::this_thread::sleep_for(seconds(5));
  CHECK(standing(host, apps) == made);
  for (const Json& listed : host.containers(shop)) {
    const Json seen = host.engine().inspect(listed["Id"].as_string());
    CHECK(has_line(seen["Config"]["Env"], "APP_URL=https://shop.example.org"));
  }
}

}  // namespace
}  // namespace fairlead::testing
