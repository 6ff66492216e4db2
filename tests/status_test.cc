#include "reconciler/status.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;
using namespace std::chrono_literals;

TEST_CASE("a report begins as Synced and Healthy, without a word") {
  const Report report;
  CHECK(std::string(sync_name(report.sync)) == "Synced");
  CHECK(std::string(health_name(report.health)) == "Healthy");
  CHECK(report.reason.empty());
  CHECK_FALSE(report.look_again.has_value());
}

TEST_CASE("the worst finding is told, and of equal ones the first") {
  Report report;
  report.worsen(HealthState::progressing, "Starting", "first");
  report.worsen(HealthState::degraded, "CrashLoop", "second");
  report.worsen(HealthState::degraded, "HealthCheckFailed", "third");
  report.worsen(HealthState::progressing, "Starting", "fourth");
  CHECK(report.health == HealthState::degraded);
  CHECK(report.reason == "CrashLoop");
  CHECK(report.message == "second");
}

TEST_CASE("each health hides those that are better") {
  const HealthState order[] = {HealthState::healthy,     HealthState::suspended,
                               HealthState::progressing, HealthState::missing,
                               HealthState::degraded,    HealthState::unknown};
  std::string names;
  Report report;
  for (const HealthState health : order) {
    report.worsen(health, "R", "");
    CHECK(report.health == health);
    report.worsen(HealthState::healthy, "Better", "");
    CHECK(report.health == health);
    names += std::string(health_name(health)) + " ";
  }
  CHECK(names == "Healthy Suspended Progressing Missing Degraded Unknown ");
}

TEST_CASE("being out of sync does not touch health, nor a reason that is there") {
  Report report;
  report.out_of_sync("Converging", "on its way");
  CHECK(report.sync == SyncState::out_of_sync);
  CHECK(report.health == HealthState::healthy);
  CHECK(report.reason == "Converging");
  report.worsen(HealthState::degraded, "CrashLoop", "ends again and again");
  report.out_of_sync("Converging", "on its way");
  CHECK(report.reason == "CrashLoop");
}

TEST_CASE("what is unknown does not become merely out of sync") {
  Report report;
  report.sync = SyncState::unknown;
  report.out_of_sync("Converging", "");
  CHECK(std::string(sync_name(report.sync)) == "Unknown");
}

TEST_CASE("the earliest time to look again wins") {
  Report report;
  report.due(5s);
  report.due(3s);
  report.due(9s);
  CHECK(report.look_again == Duration(3s));
}
