#include "reconciler/live/call_pool.h"

#include <system_error>
#include <utility>

#include "reconciler/live/last_words.h"

namespace fairlead::live {

CallPool::CallPool(std::size_t threads_max, std::chrono::milliseconds idle_max)
    : threads_max_(threads_max), idle_max_(idle_max) {}

CallPool::~CallPool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  queue_.clear();
  wake_.notify_all();
  while (!threads_.empty() || !finished_.empty()) {
    join_finished(lock);
    if (!threads_.empty()) wake_.wait(lock, [&] { return !finished_.empty(); });
  }
}

void CallPool::submit(Job job) {
  std::unique_lock lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(job));
  if (queue_.size() > idle_ && threads_.size() < threads_max_) {
    start_thread();
  } else {
    wake_.notify_one();
  }
  join_finished(lock);
}

void CallPool::start_thread() {
  threads_.emplace_front();
  const auto self = threads_.begin();
  try {
    *self = std::thread([this, self] { work(self); });
  } catch (const std::system_error&) {
    threads_.pop_front();  // the system has none left: the job waits for another thread
  }
}

std::size_t CallPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

void CallPool::work(std::list<std::thread>::iterator self) {
  const SpareStack spare;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait_for(lock, idle_max_, [&] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_ || queue_.empty()) break;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what it owns ends here, not under the lock
    lock.lock();
  }
  finished_.splice(finished_.end(), threads_, self);
  if (stopping_) wake_.notify_all();
}

void CallPool::join_finished(std::unique_lock<std::mutex>& lock) {
  std::list<std::thread> ended;
  ended.swap(finished_);
  lock.unlock();
  for (std::thread& thread : ended) thread.join();
  lock.lock();
}

void SerialJobs::submit(CallPool::Job job) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(job));
  if (running_) return;
  running_ = true;
  pool_.submit([this] { drain(); });
}

void SerialJobs::drain() {
  std::unique_lock lock(mutex_);
  while (!queue_.empty()) {
    CallPool::Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
  running_ = false;
}

}  // namespace fairlead::live
