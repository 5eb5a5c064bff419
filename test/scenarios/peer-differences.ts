/**
 * In which scenarios a peer is known to answer otherwise, and why, for the version that it
 * says it is. Where it and a scenario differ, FreeBSD is with the scenario, or
 * docs/differences.md says why not.
 */

export const VERSION = 'libkqueue 2.7.1-10'

/** Those of `VERSION`, on Linux: a reason, then its scenarios as 'chapter: title'. */
const TEXT = `
Nothing tells it of a close: the knote stays, and speaks for whatever gets the number.
- Closing descriptors: closing a descriptor removes its knotes
- Closing descriptors: closing a socket removes the knotes of both its filters
- Closing descriptors: closing removes the knotes from every queue
- Closing descriptors: closing removes knotes whatever their flags
- Closing descriptors: a file that gets the number is not reported for the one that had it
- Closing descriptors: the number can be watched anew, and tells of the new file only
- Closing descriptors: a knote on a reused number has the flags of its own adding
- Closing descriptors: a duplicate that keeps the file alive does not keep the knote
- Closing descriptors: a wait is not disturbed by a closed descriptor whose file is ready for ever
- Closing descriptors: a queue is not readable for a closed descriptor whose file is ready for ever
- Closing descriptors: duplicates are watched each under its own number
- Closing descriptors: a reused number and a duplicate of the old file tell of their own files
- Closing descriptors: dup2 over a watched descriptor removes its knotes
- Closing other descriptors: closing a regular file removes its knotes
- Closing other descriptors: a file that grows is not reported for another that got its number
- Closing other descriptors: opening, watching and closing over and over leaves nothing behind
- Closing other descriptors: a pipe that gets the number of a file can be watched
- Closing other descriptors: a file that gets the number of a pipe can be watched
- Closing other descriptors: a file made after another was removed is not taken for it
- Closing other descriptors: another filter on a reused number leaves the first one gone
- EVFILT_VNODE: closing the descriptor ends the watch
A thread frees a closed queue some time later: calls succeed until then, and fail with ENOENT.
- Closing other descriptors: a closed queue refuses every call with EBADF
- Closing other descriptors: a queue whose descriptor was closed refuses every call with EBADF
- Closing other descriptors: a queue leaves alone the file that got its number
- Closing other descriptors: a pipe that gets the number of a queue can be watched
- A queue in a queue: closing the inner queue removes the watch of it
The descriptor of a queue is a pipe for writing: never readable, and watched as what it is.
- Waiting: a queue is readable by poll exactly while something is pending
- Waiting: a queue becomes readable by itself when a descriptor does
- Waiting: a queue becomes readable by itself when a timer expires
- Waiting: events that did not fit leave the queue readable
- Waiting: a queue stays readable though another queue is asked
- EVFILT_READ of files: a queue becomes readable by itself when a file grows
- A queue in a queue: a queue reports that another has something pending
- A queue in a queue: the data is the number of pending events
- A queue in a queue: what is pending before the outer queue watches is reported
- A queue in a queue: the outer queue takes nothing from the inner one
- A queue in a queue: an inner queue that was emptied before the scan is not reported
- A queue in a queue: with EV_CLEAR the outer queue reports each new event
- A queue in a queue: one-shot and dispatched watches of a queue work as others do
- A queue in a queue: a disabled watch of a queue lets nothing through
- A queue in a queue: disabled knotes of the inner queue do not count
- A queue in a queue: a queue can be watched for reading only
- A queue in a queue: a queue cannot watch itself
- A queue in a queue: two queues cannot watch each other
- A queue in a queue: a longer circle is refused as well
- A queue in a queue: a circle that is opened first is no circle
- A queue in a queue: two queues that watch one are both told
- A queue in a queue: a queue that watches two tells them apart
- A queue in a queue: a queue reached by two ways is reported by both
- A queue in a queue: an event goes up a chain of a hundred queues
- A queue in a queue: a chain may be built from the top, and closed from either end
- A queue in a queue: a descriptor that becomes ready in the inner queue ends a wait of the outer
- A queue in a queue: a timer of the inner queue ends a wait of the outer
- A queue in a queue: the outermost queue is readable by poll
- A queue in a queue: closing the outer queue frees the inner one to watch others
- A queue in a queue: what is disabled while it is pending counts until the inner queue is looked at
- A queue in a queue: what has happened but is no event does not count
- A queue in a queue: descriptors that were closed do not count
A call with errors or receipts still waits for events while there is room, for ever without a timeout.
- Registering: a skipped change is not even given a receipt
- Failing changes: a call that has an error to tell does not wait
- Flags: EV_RECEIPT answers a change that succeeded with data 0
A call with errors or receipts hands out events as well.
- Failing changes: a call that has an error to tell drains no events
- Flags: a call that answers with receipts drains no events
- EVFILT_WRITE of sockets: a receipt for a watch for writing is not mixed with its event
Errors and receipts are lost when no event comes after them before the timeout.
- Failing changes: with room a failing change is an event and the changes after it are applied
- Flags: receipts come one a change, in order, failures among them
A receipt without room is EFAULT, and ends the changes.
- Flags: a receipt without room for it is no error
Filter 0 is an unknown filter.
- Registering: a change with filter 0 is skipped
At most 512 events a call.
- Registering: thousands of knotes are registered, reported and deleted
- Scanning: hundreds of ready descriptors are handed out whole
EV_ENABLE with EV_DISABLE disables.
- Failing changes: enabling and disabling at once is refused with EINVAL
- Failing changes: enabling and disabling at once leaves an existing knote as it was
A number that has no filter is refused with another error, and not by its name.
- Failing changes: a number of the system that has no filter is refused with ENXIO
Answers have the fflags that were given.
- Failing changes: the answer to a change that fails has its fflags, 0 where it is for a new event
- Flags: a receipt has fflags 0 for a new event, 24 bits for a user event, or what was given
An event that is enabled again goes to the end.
- Flags: disabling and enabling between two scans leaves an event its place
It has no EV_KEEPUDATA.
- Failing changes: adding while keeping the udata is refused with EINVAL
- Failing changes: adding while keeping the udata is refused even if the knote exists
- Flags: EV_KEEPUDATA leaves the udata through every kind of change
It has no EV_FORCEONESHOT.
- Flags: EV_FORCEONESHOT reports once, whatever the filter says, and deletes
- Flags: EV_FORCEONESHOT of a disabled knote waits until it is enabled
- Flags: EV_FORCEONESHOT of a knote that is pending reports it once
- Flags: EV_FORCEONESHOT of a knote that is being added reports it once
- Flags: EV_FORCEONESHOT with EV_DISABLE waits until the knote is enabled
- Flags: EV_FORCEONESHOT says what holds beside, such as the end of a file
- Flags: EV_FORCEONESHOT of the wrong end of a pipe has nothing to count
- Closing descriptors: closing a descriptor drops the event that EV_FORCEONESHOT has forced
- A queue in a queue: EV_FORCEONESHOT with EV_DISABLE tells the outer queue first, then disables
Without EV_ADD the answer for a descriptor that is not open is ENOENT.
- Failing changes: a number that is no open descriptor is refused with EBADF
An ident is cut to 32 bits.
- Failing changes: a descriptor number beyond every table is refused with EBADF
A C library answers with an errno alone.
- Failing changes: an error says its code, its negative errno, the call and the change
There are no fractions in C.
- Failing changes: an ident or data that is no whole number is refused with EINVAL
A change with flags of the system does not trigger.
- Flags: flags that belong to the system are ignored when a caller sets them
EV_ONESHOT with EV_DISPATCH is EINVAL.
- Flags: adding again changes none of the lasting flags
Adding a descriptor again without EV_CLEAR fails, without an errno.
- Flags: adding again without EV_CLEAR leaves an edge-triggered watch edge-triggered
EV_ADD with EV_DISABLE watches a descriptor nevertheless; enabling it fails with EEXIST.
- Flags: a knote that is added disabled lets nothing through, and tells when enabled
- Flags: what no longer holds when a knote is enabled is not told
- EVFILT_WRITE of sockets: a watch for writing that is added disabled lets nothing through
EV_ADD with EV_DISABLE fails with ENOENT for a user event.
- Registering: adding enables, unless it says otherwise
- Flags: adding and enabling enables a disabled knote
- Flags: adding again does not by itself enable a disabled knote
- Flags: a disabled knote can be deleted
- Flags: a disabled one-shot knote waits until it is enabled
- Waiting: a queue of which only disabled knotes have something is not readable
A disabled user event forgets its triggers.
- Flags: what happens while a knote is disabled is told when it is enabled
- EVFILT_USER: a trigger of a disabled event is reported when it is enabled
- EVFILT_USER: a dispatched event waits for its enabling
Triggering while adding a user event has no effect.
- Closing other descriptors: queues can be made and closed over and over
- EVFILT_USER: an event can be triggered as it is added
- EVFILT_USER: an event with EV_CLEAR can be triggered as it is added
- EVFILT_USER: a one-shot event can be triggered as it is added
- EVFILT_USER: NOTE_TRIGGER given while adding is not reported
- EVFILT_USER: data and fflags are reported together when triggered while adding
- EVFILT_TIMER changed: adding a timer again forgets an expiration that is queued already
- EVFILT_TIMER changed: the count of a timer that is added again starts from 0
The data of a user event are those of its first EV_ADD.
- Registering: the changes are only read
- EVFILT_USER: an event that exists can be triggered by adding it again
- EVFILT_USER: the data of the last change is reported
- EVFILT_USER: a one-shot event reports its fflags and data
- EVFILT_USER: the events of one scan each have their own fflags, data and udata
EV_CLEAR in a change does not take back a trigger.
- EVFILT_USER: a change with EV_CLEAR takes back a trigger
A negative timeout waits for ever.
- Waiting: a negative timeout is refused with EINVAL
1,000,000,000 ns and more are accepted, and no timeout is checked while an event is pending.
- Waiting: a timeout whose nsec is out of range is refused with EINVAL
- Waiting: a bad timeout is refused though an event is pending, and takes nothing
A timeout of some weeks or more can end at once.
- Waiting: very long timeouts are taken as they are
The end of a pipe and of a fifo is what epoll says, again and again.
- EVFILT_READ: the writing end of a pipe, watched for reading, tells that the reader is gone
- EVFILT_READ: the writing end of a fifo, watched for reading, is never reported
- EVFILT_WRITE: the reading end of a pipe, watched for writing, tells that the writer is gone
- EVFILT_WRITE: the reading end of a fifo, watched for writing, is never reported
- EVFILT_WRITE: a pipe whose reader is gone reports end of file once, and the knote is gone
- EVFILT_WRITE: a pipe whose reader was gone before is refused with EPIPE or reported as ended
- EVFILT_WRITE: every queue is told that the reader of a pipe is gone
- EVFILT_WRITE: that the reader is gone while a knote is disabled is told when it is enabled
- EVFILT_WRITE: a full pipe whose reader is gone reports end of file
- EVFILT_WRITE: end of file of a pipe is reported once with EV_CLEAR
- EVFILT_WRITE: a pipe ends for its writer only when the last reader is gone
- EVFILT_WRITE: a fifo with EV_CLEAR is reported when a reader comes back
Control bits of a user event are kept only by a change of one that exists.
- EVFILT_USER: control bits given while adding are kept and reported
The data of an eventfd are 1.
- EVFILT_READ: an eventfd is reported from NOTE_LOWAT on
- EVFILT_READ: an eventfd reports its counter while it is not 0
- EVFILT_READ: an eventfd with EV_CLEAR reports each addition
A socket that is not connected is at its end, as epoll has it.
- EVFILT_READ of sockets: a socket that is not connected reports nothing
- EVFILT_WRITE of sockets: a TCP socket that is not connected is not writable
NOTE_LOWAT is SO_RCVLOWAT, which all watches of a socket share and Unix sockets do not heed.
- EVFILT_READ of sockets: NOTE_LOWAT holds the event back until that many bytes are there
- EVFILT_READ of sockets: NOTE_LOWAT with EV_CLEAR reports when the mark is crossed
- EVFILT_READ of sockets: each knote has its own NOTE_LOWAT
- EVFILT_READ of sockets: NOTE_LOWAT neither changes the socket nor disturbs a wait
- EVFILT_READ of sockets: adding again changes NOTE_LOWAT
NOTE_LOWAT is not looked at for writing.
- EVFILT_WRITE of sockets: NOTE_LOWAT beyond all room is never reported
- EVFILT_WRITE of sockets: each watch for writing has its own NOTE_LOWAT
The number of waiting connections is always 1.
- EVFILT_READ of sockets: a listening tcp socket reports how many connections wait
- EVFILT_READ of sockets: a listening tcp socket with EV_CLEAR reports each connection
- EVFILT_READ of sockets: a listening unix socket reports how many connections wait
- EVFILT_READ of sockets: a listening unix socket with EV_CLEAR reports each connection
A regular file falls silent once its end was seen; growth and seeking are not noticed.
- EVFILT_READ of files: a file is reported again each time it grows
- EVFILT_READ of files: reading to the end and growing is reported
- EVFILT_READ of files: seeking back from the end is reported
- EVFILT_READ of files: a file with EV_CLEAR is reported once, and again when it is written
- EVFILT_READ of files: a file that was unlinked is reported on
- EVFILT_READ of files: a file that is unlinked while it is watched is reported on
- EVFILT_READ of files: a file that is renamed while it is watched is reported on
- EVFILT_READ of files: two descriptors of one file have their own offsets
- EVFILT_READ of files: duplicates of one descriptor share the offset
- EVFILT_READ of files: many files are told apart
- EVFILT_READ of files: a file can be watched for reading and for writing
An offset beyond the end of a file counts as its end.
- EVFILT_READ of files: an offset beyond the end is reported with negative data
- EVFILT_READ of files: a file that is cut below the offset is reported with negative data
It has no NOTE_FILE_POLL.
- EVFILT_READ of files: NOTE_FILE_POLL reports a file even at its end
A one-shot watch of a regular file stays registered.
- EVFILT_READ of files: a one-shot watch of a file is gone after its event
The data of a socket for writing are the bytes that wait to be sent.
- EVFILT_WRITE of sockets: a socket reports room
- EVFILT_WRITE of sockets: the room of a socket falls as it fills
Both filters of a descriptor share one registration: what is news to one is reported to both.
- EVFILT_WRITE of sockets: data that arrive do not report a socket for writing
A disabled timer does not run: enabling it starts it anew.
- EVFILT_TIMER: a disabled timer runs on and is reported when enabled
- EVFILT_TIMER: a disabled one-shot timer that expired is reported when enabled
- EVFILT_TIMER: a dispatched timer counts on until it is enabled again
Any change of a timer starts it anew.
- EVFILT_TIMER: a change that does not add leaves the time of a timer
Units and NOTE_ABSTIME stay in fflags.
- EVFILT_TIMER units: the unit of a timer: NOTE_USECONDS
- EVFILT_TIMER units: the unit of a timer: NOTE_NSECONDS
Units are not checked.
- EVFILT_TIMER units: two units at once are refused with EINVAL
- EVFILT_TIMER units: fflags that are no unit are refused with EINVAL
A time that its arithmetic cannot hold is another time.
- EVFILT_TIMER units: a time beyond what ns can count is refused with EINVAL, not fired at once
A timer of 0 is never set.
- EVFILT_TIMER units: a one-shot timer of 0 fires at once
- EVFILT_TIMER units: a periodic timer of 0 has a period of one unit
- EVFILT_TIMER changed: the beginning of 1970 fires at once
Adding a timer again replaces its flags.
- EVFILT_TIMER changed: adding a periodic timer again does not make it one-shot
A bad time is accepted when a timer is added again.
- EVFILT_TIMER changed: adding again with a bad time fails with EINVAL and leaves the timer
A time of day stays in fflags, and has EV_CLEAR.
- EVFILT_TIMER changed: NOTE_ABSTIME fires at a time since 1970, and not before
- EVFILT_TIMER changed: a time of day without EV_CLEAR is reported on, with one expiration
Only what is asked for is reported, and one name less is NOTE_LINK alone.
- EVFILT_VNODE: one of several names less is NOTE_DELETE as well
- EVFILT_VNODE: what comes in the same breath comes along
- EVFILT_VNODE: attributes and growth are gathered in one event
- EVFILT_VNODE of directories: a subdirectory in place of another is NOTE_LINK where there is one less
- EVFILT_VNODE of directories: what comes in the same breath comes along
NOTE_WRITE reports NOTE_EXTEND too.
- EVFILT_VNODE: a file without a name is reported on
- EVFILT_VNODE: a renamed file is followed, and its old name is not
- EVFILT_VNODE: a file is one file under all its names
- EVFILT_VNODE: adding again changes what is asked for
- EVFILT_VNODE: what happens is gathered until it is handed out
- EVFILT_VNODE: without EV_CLEAR what happened stays
- EVFILT_VNODE: a one-shot watch is gone after its event
- EVFILT_VNODE: a dispatched watch reports again when it is enabled
- EVFILT_VNODE: two descriptors of one file are two watches
- EVFILT_VNODE: two queues are both told
It has no NOTE_OPEN, NOTE_READ, NOTE_CLOSE or NOTE_CLOSE_WRITE.
- EVFILT_VNODE: opening, reading and closing are NOTE_OPEN, NOTE_READ and NOTE_CLOSE
- EVFILT_VNODE: closing what could write is NOTE_CLOSE_WRITE
- EVFILT_VNODE: closing is noted with the last duplicate
What happens to a file while its watch is disabled is lost.
- EVFILT_VNODE: what happens while the watch is disabled is reported when it is enabled
- EVFILT_VNODE: what happened while it was disabled outlasts a change of what is asked for
Moving in and out of a directory is NOTE_WRITE alone.
- EVFILT_VNODE of directories: a file that is moved in or out is NOTE_EXTEND as well
- EVFILT_VNODE of directories: a subdirectory that is moved in or out is all three
A directory reports what is done to the files in it.
- EVFILT_VNODE of directories: what is written to a file in it is not reported
The end of a directory is not noticed while it is open.
- EVFILT_VNODE of directories: its own end and its own new name are NOTE_DELETE and NOTE_RENAME
- EVFILT_VNODE of directories: the end of a directory that was moved is told
`

/** The same of the package's system for a kernel's own kqueue on it; those above are not repeated. */
const SYSTEM_TEXT = `
What it has no flag for is refused before it is asked.
- Flags: EV_FORCEONESHOT of what is not registered fails with ENOENT
Nothing tells it of a close: the event is there still, and can be deleted.
- A queue in a queue: a queue that gets the number of a closed one is not watched
`

/** Why, by scenario. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map(read(TEXT))

/** Why, by scenario, where the package's system is between. */
export const OF_THE_SYSTEM: ReadonlyMap<string, string> = new Map(read(SYSTEM_TEXT))

function* read(text: string): Iterable<[title: string, why: string]> {
  let why = ''
  for (const line of text.trim().split('\n')) {
    if (line.startsWith('- ')) yield [line.slice(2), why]
    else why = line
  }
}
