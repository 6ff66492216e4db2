#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

// Threads for whatever blocks. They are made when a job finds none idle, up to a limit, and end
// when idle for a while, so that a daemon at rest has none. submit() may be called from any thread
// and never blocks on a job. The destructor drops the jobs that have not begun and waits for those
// that have: their owner must have made sure that they end.
namespace fairlead::live {

class CallPool {
 public:
  using Job = std::function<void()>;

  explicit CallPool(std::size_t threads_max = 64,
                    std::chrono::milliseconds idle_max = std::chrono::seconds(10));
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  void submit(Job job);
  std::size_t threads() const;  // alive now

 private:
  void start_thread();
  void work(std::list<std::thread>::iterator self);
  void join_finished(std::unique_lock<std::mutex>& lock);

  const std::size_t threads_max_;
  const std::chrono::milliseconds idle_max_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::list<std::thread> threads_;
  std::list<std::thread> finished_;  // ended or about to: joined by the next submit()
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

// Jobs that run one after another, in the order of their submission, on a pool. Must live as long
// as the pool's threads do.
class SerialJobs {
 public:
  explicit SerialJobs(CallPool& pool) : pool_(pool) {}
  void submit(CallPool::Job job);

 private:
  void drain();

  CallPool& pool_;
  std::mutex mutex_;
  std::deque<CallPool::Job> queue_;
  bool running_ = false;
};

}  // namespace fairlead::live
