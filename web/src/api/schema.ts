// openapi.json sha256:5cf79e442acb78288f9d58a511b9006c727f7afa60c2afbaf0c6174b21518912
export interface paths {
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events
         * @description Events with id above ``after``, oldest first.
         */
        get: operations["events_api_events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/latest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Latest Events
         * @description The newest events, newest first.
         */
        get: operations["latest_events_api_events_latest_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stream
         * @description Events as they happen; a reconnecting client goes on after its ``Last-Event-ID``.
         */
        get: operations["stream_api_events_stream_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/hardware": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Hardware
         * @description The machine of the control plane, and how busy it is.
         */
        get: operations["hardware_api_hardware_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Alive, with the address of the inference server.
         */
        get: operations["health_api_health_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/policy/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check
         * @description What is wrong with a policy, field by field; saves nothing.
         */
        post: operations["check_api_policy_check_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/predictions/{prediction}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Prediction
         * @description One logged prediction.
         */
        get: operations["prediction_api_predictions__prediction__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/predictions/{prediction}/lineage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lineage
         * @description From a prediction back to model, run, version, labels, people and case.
         */
        get: operations["lineage_api_predictions__prediction__lineage_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Projects
         * @description All projects.
         */
        get: operations["list_projects_api_projects_get"];
        put?: never;
        /**
         * Create Project
         * @description Make a project.
         */
        post: operations["create_project_api_projects_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Overview
         * @description The project at a glance: who serves, evidence, open case, queue, servers.
         */
        get: operations["overview_api_projects__project__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/annotations/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Annotation
         * @description The label in force of an image, with who gave it and when; null without one.
         *
         *     The ETag is the annotation's id, "0" without one: 304 where it is the one in ``If-None-Match``.
         */
        get: operations["annotation_api_projects__project__annotations__key__get"];
        /**
         * Save
         * @description Put a label of shapes in force; the ones before stay in history.
         *
         *     The same request twice is saved once, and answered with what it saved. 409 with
         *     ``context.annotation`` where another label is in force than the one that was ``seen``: the
         *     annotation in force, null if it was taken away. Open questions about the image are answered.
         */
        put: operations["save_api_projects__project__annotations__key__put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Cases
         * @description All cases, newest first.
         */
        get: operations["cases_api_projects__project__cases_get"];
        put?: never;
        /**
         * Open Case
         * @description Open a case by hand on the latest predictions, or to ``retrain`` on all labels so far.
         */
        post: operations["open_case_api_projects__project__cases_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Case
         * @description One case with all its evidence.
         */
        get: operations["case_api_projects__project__cases__case__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Approve
         * @description Say yes to the step the case waits for.
         */
        post: operations["approve_api_projects__project__cases__case__approve_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel
         * @description End a case where it stands.
         */
        post: operations["cancel_api_projects__project__cases__case__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/drifted.png": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Drifted
         * @description The contact sheet of the drifted images.
         */
        get: operations["drifted_api_projects__project__cases__case__drifted_png_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/duel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Duel
         * @description Champion against challenger: running evidence, and the requests they disagree on.
         */
        get: operations["duel_api_projects__project__cases__case__duel_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/harm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Harm
         * @description Evidence of harm and of harmlessness after every label of the verdict.
         */
        get: operations["harm_api_projects__project__cases__case__harm_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/cases/{case}/reject": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reject
         * @description Say no to the step the case waits for; the case ends.
         */
        post: operations["reject_api_projects__project__cases__case__reject_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Changes
         * @description What changed from ``a`` to ``b``: counts by kind, and a part of one kind's images.
         *
         *     Beside versions, ``now`` is what a commit would freeze and ``none`` is before the first image.
         */
        get: operations["changes_api_projects__project__changes_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/data-tests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Data Tests
         * @description Run the data tests on a version.
         */
        post: operations["data_tests_api_projects__project__data_tests_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/deployment": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Deployment
         * @description Who serves, with which split; null before the first promotion.
         */
        get: operations["deployment_api_projects__project__deployment_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Diff
         * @description What changed from version ``a`` to version ``b``.
         */
        get: operations["diff_api_projects__project__diff_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/embeddings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Embeddings
         * @description How many of the images the champion has looked at, and whether it goes on.
         */
        get: operations["embeddings_api_projects__project__embeddings_get"];
        put?: never;
        /**
         * Compute Embeddings
         * @description Let the champion look at the images it has not seen, in the background.
         */
        post: operations["compute_embeddings_api_projects__project__embeddings_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/export-formats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export Formats
         * @description The formats that a version can be exported in.
         */
        get: operations["export_formats_api_projects__project__export_formats_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/facets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Facets
         * @description How many of the images found have which class, split, metadata value and so on.
         */
        get: operations["facets_api_projects__project__facets_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add Image
         * @description Add one image; the body is the file itself.
         */
        post: operations["add_image_api_projects__project__images_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/images/{sha256}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Image
         * @description The original bytes, or with ``size`` a picture fitted into that many pixels, upright.
         *
         *     Sizes are 96, 160, 320, 640, 1280 and 2048. Content-addressed, so it may be cached for ever.
         */
        get: operations["image_api_projects__project__images__sha256__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import Path
         * @description Import images and labels from a path on this machine; answers with the report.
         */
        post: operations["import_path_api_projects__project__import_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/agreement": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Agreement
         * @description How often every two people agree on the images that both labelled.
         */
        get: operations["agreement_api_projects__project__labels_agreement_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/answer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer
         * @description Answer a task; answering again corrects it, history is kept.
         */
        post: operations["answer_api_projects__project__labels_answer_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/ask": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask
         * @description Ask people to label images; asking twice is asking once.
         */
        post: operations["ask_api_projects__project__labels_ask_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/assistant": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Assistant
         * @description What the labelling assistant knows, and when it learns again.
         */
        get: operations["assistant_api_projects__project__labels_assistant_get"];
        put?: never;
        /**
         * Train Assistant
         * @description Let the labelling assistant learn now, in a process of its own.
         */
        post: operations["train_assistant_api_projects__project__labels_assistant_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Batch
         * @description Answer, skip and take back many tasks: all or none, once per ``request``.
         *
         *     409 with ``context.conflicts`` where somebody else decided in between; nothing is saved then.
         */
        post: operations["batch_api_projects__project__labels_batch_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * History
         * @description Every label an image ever had, newest first.
         */
        get: operations["history_api_projects__project__labels_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/lease": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lease
         * @description An annotator's share of the queue, renewed and filled up; nobody else gets these tasks.
         */
        post: operations["lease_api_projects__project__labels_lease_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/next": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Next Task
         * @description Lease the next task; two annotators never get the same one. ``task`` is null at the end.
         */
        post: operations["next_task_api_projects__project__labels_next_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/quality": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Quality
         * @description Which labels are probably wrong, worst first, among the images the champion looked at.
         *
         *     ``POST data/embeddings`` lets it look at the rest.
         */
        get: operations["quality_api_projects__project__labels_quality_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Queue
         * @description Tasks in the order in which answers help most, or in another one.
         */
        get: operations["queue_api_projects__project__labels_queue_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release
         * @description Give an annotator's share, or a part of it, back to everybody.
         */
        post: operations["release_api_projects__project__labels_release_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/renew": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Renew
         * @description Keep all that is leased to an annotator.
         */
        post: operations["renew_api_projects__project__labels_renew_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/reopen": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reopen
         * @description Take an answer or a skip back; the task is open again, history is kept.
         */
        post: operations["reopen_api_projects__project__labels_reopen_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/review": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Review
         * @description Put the worst labels that nobody reviewed into the queue, with the purpose ``review``.
         */
        post: operations["review_api_projects__project__labels_review_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/skip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Skip
         * @description Leave a task unanswered.
         */
        post: operations["skip_api_projects__project__labels_skip_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/labels/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stats
         * @description Counts by state, class and author.
         */
        get: operations["stats_api_projects__project__labels_stats_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/loop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Status
         * @description Where the loop stands and who must act.
         */
        get: operations["status_api_projects__project__loop_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/loop/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause
         * @description Let the loop act no more until it is resumed.
         */
        post: operations["pause_api_projects__project__loop_pause_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/loop/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume
         * @description Let the loop act again; also lifts a freeze.
         */
        post: operations["resume_api_projects__project__loop_resume_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/map": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Image Map
         * @description The images as points, what looks alike to the champion close together.
         *
         *     Binary: the length of a JSON text (4 bytes, little-endian), the text padded with blanks to a
         *     multiple of 8 bytes, and for its ``n`` images ids (float64), x, y (float32), label, split, said
         *     (int16, places in the text's lists).
         */
        get: operations["image_map_api_projects__project__map_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Models
         * @description Models, newest first.
         */
        get: operations["models_api_projects__project__models_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Model
         * @description One model (by id or alias) with its lineage and reports.
         */
        get: operations["model_api_projects__project__models__model__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/models/{model}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Promote
         * @description Make a model champion at once.
         */
        post: operations["promote_api_projects__project__models__model__promote_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/models/{model}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * State Of Test
         * @description Whether a test of the model goes on, and what was wrong with the last one.
         */
        get: operations["state_of_test_api_projects__project__models__model__test_get"];
        put?: never;
        /**
         * Start Test
         * @description Test a model on the test images of its version, in the background.
         *
         *     Paired with ``champion`` on the same images (an id or alias; without one the champion of now).
         *     The report joins the model's reports.
         */
        post: operations["start_test_api_projects__project__models__model__test_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/monitor": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Status
         * @description Evidence of change against the alarm line, estimated accuracy, traffic.
         */
        get: operations["status_api_projects__project__monitor_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/monitor/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * History
         * @description The recent history, oldest first.
         */
        get: operations["history_api_projects__project__monitor_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/monitor/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Timeline
         * @description The whole history over all champions in about ``points`` stored points, oldest first.
         */
        get: operations["timeline_api_projects__project__monitor_timeline_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/policy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get Policy
         * @description The policy as YAML, with every default.
         */
        get: operations["get_policy_api_projects__project__policy_get"];
        /**
         * Put Policy
         * @description Replace the policy; wrong fields are named.
         */
        put: operations["put_policy_api_projects__project__policy_put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/policy/fields": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Policy Fields
         * @description The policy field by field, with plain words.
         */
        get: operations["policy_fields_api_projects__project__policy_fields_get"];
        put?: never;
        /**
         * Change Policy
         * @description Set single fields; wrong ones are named under ``error.context.fields``.
         */
        post: operations["change_policy_api_projects__project__policy_fields_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/policy/fields/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check Fields
         * @description What is wrong with these changes, field by field; saves nothing.
         */
        post: operations["check_fields_api_projects__project__policy_fields_check_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/policy/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Policy History
         * @description Changes of the policy, newest first.
         */
        get: operations["policy_history_api_projects__project__policy_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/policy/text": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace Policy
         * @description Replace the whole text, as PUT does.
         */
        post: operations["replace_policy_api_projects__project__policy_text_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/predictions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Predictions
         * @description The newest predictions, newest first.
         */
        get: operations["predictions_api_projects__project__predictions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/predictions/{prediction}/image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Prediction Image
         * @description The request's image as it came; 404 where the server did not keep it.
         */
        get: operations["prediction_image_api_projects__project__predictions__prediction__image_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rollback
         * @description Put the previous champion back.
         */
        post: operations["rollback_api_projects__project__rollback_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs
         * @description Training runs, newest first.
         */
        get: operations["runs_api_projects__project__runs_get"];
        put?: never;
        /**
         * Start Run
         * @description Start a training run in a process of its own; when it is done its model is tested.
         */
        post: operations["start_run_api_projects__project__runs_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/runs/{run}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Run
         * @description One run as it stands now.
         */
        get: operations["run_api_projects__project__runs__run__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/runs/{run}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel Run
         * @description End a run; one that has ended stays what it is. A case's training ends with its case.
         */
        post: operations["cancel_run_api_projects__project__runs__run__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/runs/{run}/curves": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Curves
         * @description The run's metrics over its steps.
         */
        get: operations["curves_api_projects__project__runs__run__curves_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/runs/{run}/progress": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Progress
         * @description One run as it stands now, how far it is, and its metrics over its steps.
         */
        get: operations["progress_api_projects__project__runs__run__progress_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/sample": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sample
         * @description One image's facts, metadata and label.
         */
        get: operations["sample_api_projects__project__sample_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/samples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Samples
         * @description Images with their current labels, by key.
         */
        get: operations["samples_api_projects__project__samples_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/samples/by-id": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Samples By Id
         * @description Images by the ids of a map, in that order; those that are gone are left out.
         */
        post: operations["samples_by_id_api_projects__project__samples_by_id_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/samples/delete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delete Samples
         * @description Take images out of the project; versions keep them. Their bytes stay.
         */
        post: operations["delete_samples_api_projects__project__samples_delete_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/samples/label": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Label Samples
         * @description Label images directly; the labels before stay in history.
         */
        post: operations["label_samples_api_projects__project__samples_label_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/samples/split": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Move Samples
         * @description Move images to a split, all or none.
         */
        post: operations["move_samples_api_projects__project__samples_split_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search
         * @description Images that meet a query, such as ``class:open split:train brightness<40 -camera:door``.
         */
        get: operations["search_api_projects__project__search_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/servers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Servers
         * @description Inference servers with a fresh heartbeat.
         */
        get: operations["servers_api_projects__project__servers_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/signals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Signals
         * @description Alarms so far, newest first.
         */
        get: operations["signals_api_projects__project__signals_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/similar": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Similar
         * @description Images that look to the champion like one of those (``key``, as often as wanted), or like
         *     the drifted ones of a ``case``, among those that it has looked at.
         */
        get: operations["similar_api_projects__project__similar_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/suggestions/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Suggestions
         * @description The shapes that the champion sees in an image; ``reason`` says why there are none.
         */
        get: operations["suggestions_api_projects__project__suggestions__key__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/traffic": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Traffic
         * @description The newest answers: shares by role and class, latency, over time.
         */
        get: operations["traffic_api_projects__project__traffic_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin
         * @description Begin to gather files.
         */
        post: operations["begin_api_projects__project__uploads_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/uploads/{upload}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Status
         * @description How far it is; with the report at the end.
         */
        get: operations["status_api_projects__project__uploads__upload__get"];
        put?: never;
        post?: never;
        /**
         * Discard
         * @description Throw the gathered files away.
         */
        delete: operations["discard_api_projects__project__uploads__upload__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/uploads/{upload}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Add File
         * @description Add one file under its relative path; the body is the file. Sending it again replaces it.
         */
        put: operations["add_file_api_projects__project__uploads__upload__files_put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/uploads/{upload}/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start Import
         * @description Import what was gathered, in the background; ask for the status until it is done.
         */
        post: operations["start_import_api_projects__project__uploads__upload__import_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Versions
         * @description Versions, newest first.
         */
        get: operations["versions_api_projects__project__versions_get"];
        put?: never;
        /**
         * Commit
         * @description Freeze the current images and labels.
         */
        post: operations["commit_api_projects__project__versions_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/versions/{version}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Export
         * @description A version as a zip archive, in one of the formats that ``autofocus data export`` knows.
         */
        get: operations["export_api_projects__project__versions__version__export_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{project}/versions/{version}/not-carried": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Not Carried
         * @description What an export in that format would not carry of a version; writes nothing.
         */
        get: operations["not_carried_api_projects__project__versions__version__not_carried_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/service": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Service
         * @description Requests, failures and hardware of the inference servers over time, oldest first.
         */
        get: operations["service_api_service_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settings
         * @description Settings in force and where each comes from; versions of the libraries.
         */
        get: operations["settings_api_settings_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AccuracyEstimate
         * @description Accuracy with its band; ``labels`` answers it rests on, 0 for an estimate without any.
         */
        AccuracyEstimate: {
            /** High */
            high: number | null;
            /** Labels */
            labels: number;
            /** Low */
            low: number | null;
            /** Method */
            method: string;
            /** Note */
            note: string;
            /** Value */
            value: number | null;
        };
        /**
         * Agreement
         * @description Two people on the same images: ``kappa`` is Cohen's, None where it is not defined.
         *
         *     Of boxes and masks, ``agreed`` images have the same objects, ``f1`` is the mean share of objects
         *     that agree, ``overlap`` how much those overlap on average, and there is no kappa.
         */
        Agreement: {
            /** Agreed */
            agreed: number;
            /** F1 */
            f1?: number | null;
            /** First */
            first: string;
            /** Images */
            images: number;
            /** Kappa */
            kappa: number | null;
            /** Overlap */
            overlap?: number | null;
            /** Second */
            second: string;
        };
        /**
         * Annotation
         * @description One label of one image at one time, by one author; never changed, only superseded.
         *
         *     Valid for project revisions ``rev_from <= r < rev_to`` (``rev_to`` None: still valid).
         *     ``suggested_by`` names the model whose suggestion was accepted, if any. ``case`` is the case
         *     that asked for it. ``seconds`` is the time the author took, if known.
         */
        Annotation: {
            /** Author */
            author: string;
            /** Case */
            case?: string | null;
            /** Confidence */
            confidence?: number | null;
            /** Created At */
            created_at: string;
            /** Id */
            id: number;
            /** Key */
            key: string;
            /** Label */
            label: components["schemas"]["Tag"] | components["schemas"]["Shapes"];
            /** Project */
            project: string;
            /** Rev From */
            rev_from: number;
            /** Rev To */
            rev_to?: number | null;
            /** Seconds */
            seconds?: number | null;
            /**
             * Source
             * @enum {string}
             */
            source: "import" | "human" | "model" | "feedback" | "script";
            /** Suggested By */
            suggested_by?: string | null;
        };
        /**
         * Answer
         * @description The answer to a task; ``request`` makes sending it twice harmless.
         */
        Answer: {
            /** Author */
            author: string;
            /** Label */
            label: string;
            /** Request */
            request?: string | null;
            /** Seconds */
            seconds?: number | null;
            /**
             * Source
             * @default human
             * @enum {string}
             */
            source: "import" | "human" | "model" | "feedback" | "script";
            /** Task */
            task: string;
        };
        /**
         * AnsweredProject
         * @description A project: task, classes in their fixed order, whether the loop may act.
         *
         *     ``background`` names the classes of segmentation that are areas and not countable objects.
         */
        AnsweredProject: {
            /** Background */
            background: string[];
            /** Classes */
            classes: string[];
            /** Created At */
            created_at: string;
            /** Frozen */
            frozen: string;
            /** Name */
            name: string;
            /** Paused */
            paused: boolean;
            /** Revision */
            revision: number;
            /** Task */
            task: string;
        };
        /**
         * AskRequest
         * @description Which images people shall label: those that meet a query, or those named.
         */
        AskRequest: {
            /**
             * Author
             * @default
             */
            author: string;
            /** Keys */
            keys?: string[] | null;
            /**
             * Limit
             * @default 20000
             */
            limit: number;
            /**
             * Query
             * @default is:unlabelled
             */
            query: string;
        };
        /**
         * Asked
         * @description How many images were found, and how many questions about them are new.
         */
        Asked: {
            /** Asked */
            asked: number;
            /** Found */
            found: number;
        };
        /**
         * AssistantStatus
         * @description What the assistant knows.
         *
         *     ``state``: ``off`` (not for this task), ``waiting`` for first labels, ``training``, ``ready``.
         *     ``trained_on`` labels of ``classes``, seen ``through`` a model. ``agreement`` is the share of
         *     the latest ``answered`` answers that it had foretold, None before there are any; ``held_out``
         *     the same on images held out at the training. ``labelled`` images there are, ``needed`` more
         *     labels until it trains again. It has an opinion on ``suggested`` of ``open`` questions.
         */
        AssistantStatus: {
            /** Agreement */
            agreement?: number | null;
            /**
             * Answered
             * @default 0
             */
            answered: number;
            /**
             * Classes
             * @default []
             */
            classes: string[];
            /** Held Out */
            held_out?: number | null;
            /**
             * Labelled
             * @default 0
             */
            labelled: number;
            /**
             * Needed
             * @default 10
             */
            needed: number;
            /**
             * Open
             * @default 0
             */
            open: number;
            /**
             * Problem
             * @default
             */
            problem: string;
            /** Project */
            project: string;
            /**
             * Seconds
             * @default 0
             */
            seconds: number;
            /**
             * State
             * @enum {string}
             */
            state: "off" | "waiting" | "training" | "ready";
            /**
             * Suggested
             * @default 0
             */
            suggested: number;
            /**
             * Through
             * @default
             */
            through: string;
            /**
             * Trained At
             * @default
             */
            trained_at: string;
            /**
             * Trained On
             * @default 0
             */
            trained_on: number;
        };
        /**
         * Batch
         * @description Many decisions as one; ``request`` makes sending them twice harmless.
         */
        Batch: {
            /** Author */
            author: string;
            /** Decisions */
            decisions: components["schemas"]["autofocus__labels__batch__Decision"][];
            /** Request */
            request: string;
        };
        /**
         * Box
         * @description An upright rectangle: ``x``, ``y`` its top left corner, in pixels; a side is never 0.
         */
        Box: {
            /** Height */
            height: number;
            /**
             * Kind
             * @default box
             * @constant
             */
            kind: "box";
            /** Width */
            width: number;
            /** X */
            x: number;
            /** Y */
            y: number;
        };
        /**
         * Case
         * @description The story of one signal, from first drifted image to its outcome.
         *
         *     ``evidence`` collects what each stage found, as JSON: diagnosis, verdict, comparison.
         *     ``waiting_for`` says in words who or what is awaited; empty when work goes on by itself.
         */
        Case: {
            /** Challenger */
            challenger?: string | null;
            /** Closed At */
            closed_at?: string | null;
            /** Evidence */
            evidence?: {
                [key: string]: unknown;
            };
            /** Id */
            id: string;
            /** Model */
            model: string;
            /** Number */
            number: number;
            /** Opened At */
            opened_at: string;
            /** Outcome */
            outcome?: ("promoted" | "rejected" | "harmless" | "undecided" | "rolled_back" | "cancelled") | null;
            /**
             * Paused
             * @default false
             */
            paused: boolean;
            /** Project */
            project: string;
            /**
             * Reason
             * @default
             */
            reason: string;
            /** Signal */
            signal: string | null;
            /**
             * Stage
             * @enum {string}
             */
            stage: "diagnose" | "verdict" | "collect" | "train" | "shadow" | "canary" | "promote" | "closed";
            /** Trigger */
            trigger: string;
            /** Verdict */
            verdict?: ("harmful" | "harmless" | "undecided") | null;
            /**
             * Waiting For
             * @default
             */
            waiting_for: string;
        };
        /**
         * Changes
         * @description A part of a difference; ``counts`` has all of it by kind of change.
         */
        Changes: {
            /** Counts */
            counts: {
                [key: string]: number;
            };
            /** Items */
            items: components["schemas"]["VersionChange"][];
        };
        /**
         * CommitRequest
         * @description A version to freeze.
         */
        CommitRequest: {
            /**
             * Author
             * @default
             */
            author: string;
            /** Message */
            message: string;
        };
        /**
         * Confused
         * @description How many labels ``given`` are estimated to be ``suggested``.
         *
         *     Of shapes, ``(none)`` is given where something was not marked, and suggested where something
         *     was marked that is not there.
         */
        Confused: {
            /** Given */
            given: string;
            /** Labels */
            labels: number;
            /** Suggested */
            suggested: string;
        };
        /**
         * Decided
         * @description What a batch did; ``annotations`` maps each answered task to the annotation in force.
         */
        Decided: {
            /** Annotations */
            annotations: {
                [key: string]: number;
            };
            /** Answered */
            answered: number;
            /** Reopened */
            reopened: number;
            /**
             * Repeated
             * @default false
             */
            repeated: boolean;
            /** Request */
            request: string;
            /** Skipped */
            skipped: number;
        };
        /**
         * DeleteSamples
         * @description Images to take out, and who says so.
         */
        DeleteSamples: {
            /**
             * Author
             * @default
             */
            author: string;
            /** Keys */
            keys: string[];
        };
        /**
         * DeployedModel
         * @description A model version in a deployment: its id and the digest of its bundle.
         */
        DeployedModel: {
            /** Bundle */
            bundle: string;
            /** Model */
            model: string;
        };
        /**
         * Deployment
         * @description Who serves a project: the content of ``deployments/<project>.json``, replaced atomically.
         *
         *     ``shadow`` is the share of requests the challenger answers silently, ``canary`` the share it
         *     answers for real (chosen by a hash of the request key, so one client stays on one model).
         *     ``previous`` is kept warm by servers for an instant way back.
         */
        Deployment: {
            /**
             * Canary
             * @default 0
             */
            canary: number;
            challenger?: components["schemas"]["DeployedModel"] | null;
            champion: components["schemas"]["DeployedModel"];
            /** Classes */
            classes: string[];
            previous?: components["schemas"]["DeployedModel"] | null;
            /** Project */
            project: string;
            /**
             * Reason
             * @default
             */
            reason: string;
            /** Revision */
            revision: number;
            sampling?: components["schemas"]["ImageSampling"];
            /**
             * Shadow
             * @default 0
             */
            shadow: number;
            /**
             * Updated At
             * @default
             */
            updated_at: string;
        };
        /**
         * Disagreement
         * @description A request that champion and challenger answer differently; ``truth`` where it was told.
         */
        Disagreement: {
            /** Challenger */
            challenger: string;
            /** Challenger Confidence */
            challenger_confidence: number;
            /** Champion */
            champion: string;
            /** Champion Confidence */
            champion_confidence: number;
            /** Id */
            id: string;
            /** Image */
            image: boolean;
            /** Truth */
            truth: string | null;
            /** Winner */
            winner: ("champion" | "challenger" | "neither") | null;
        };
        /**
         * Duel
         * @description Champion against challenger on the same ``pairs`` requests; on ``differ`` they differ.
         */
        Duel: {
            /** Bar */
            bar: number;
            /** Differ */
            differ: number;
            /** Disagreements */
            disagreements: components["schemas"]["Disagreement"][];
            /** Pairs */
            pairs: number;
            /** Points */
            points: components["schemas"]["DuelPoint"][];
        };
        /**
         * DuelPoint
         * @description Evidence that the challenger is better after ``labels`` labelled disagreements.
         */
        DuelPoint: {
            /** At */
            at: string | null;
            /** E Better */
            e_better: number;
            /** Labels */
            labels: number;
            /** Winner */
            winner: ("champion" | "challenger" | "neither") | null;
        };
        /**
         * Embedding
         * @description How many images the champion has looked at; ``running`` while it looks at more.
         */
        Embedding: {
            /** Done */
            done: number;
            /** Error */
            error: string;
            /** Model */
            model: string;
            /** Running */
            running: boolean;
            /** Total */
            total: number;
        };
        /**
         * EmbeddingStatus
         * @description How many of the project's images ``model`` has looked at; ``model`` empty: no champion.
         */
        EmbeddingStatus: {
            /** Done */
            done: number;
            /** Model */
            model: string;
            /** Total */
            total: number;
        };
        /**
         * Facet
         * @description How often the values of a field occur; ``more`` if there are further ones.
         */
        Facet: {
            /** Field */
            field: string;
            /**
             * More
             * @default false
             */
            more: boolean;
            /** Values */
            values: [
                string,
                number
            ][];
        };
        /**
         * Facets
         * @description Counts to narrow a search by.
         *
         *     Each field is counted under all conditions but those on itself, so that a chosen value stands
         *     beside its alternatives. ``ranges`` has (lowest, highest) of each statistic.
         */
        Facets: {
            /** Facets */
            facets: components["schemas"]["Facet"][];
            /** Ranges */
            ranges?: {
                [key: string]: [
                    number,
                    number
                ];
            };
            /** Total */
            total: number;
        };
        /**
         * FieldProblem
         * @description ``field`` is ``section.name``, a section, or empty for the whole text.
         */
        FieldProblem: {
            /** Field */
            field: string;
            /** Message */
            message: string;
        };
        /**
         * Finding
         * @description One place in an image where label and model differ.
         *
         *     ``unmarked``: seen, but there is no such shape; ``unseen``: marked, but not seen; ``badly
         *     placed``: both, overlapping too little; ``swapped``: another class is seen there. ``shape`` is
         *     the id of the shape in the label; ``confidence`` of what is ``suggested``, ``geometry`` where
         *     it is seen. ``gain``: about the probability that the label is wrong here.
         */
        Finding: {
            /** Confidence */
            confidence?: number | null;
            /**
             * Doubt
             * @enum {string}
             */
            doubt: "unmarked" | "unseen" | "badly placed" | "swapped";
            /** Gain */
            gain: number;
            /** Geometry */
            geometry?: components["schemas"]["Box"] | components["schemas"]["Polygon"] | components["schemas"]["Mask"] | null;
            /** Given */
            given?: string | null;
            /**
             * Overlap
             * @default 0
             */
            overlap: number;
            /** Shape */
            shape?: string | null;
            /** Suggested */
            suggested?: string | null;
        };
        /**
         * FoundSamples
         * @description A page of a search: ``total`` counts all that were found (None: not asked for).
         */
        FoundSamples: {
            /** Items */
            items: components["schemas"]["Sample"][];
            /** Next Cursor */
            next_cursor: string | null;
            /**
             * Notices
             * @default []
             */
            notices: string[];
            /** Total */
            total: number | null;
        };
        /**
         * Gate
         * @description One condition of the policy and how it ended, in words.
         */
        Gate: {
            /** Limit */
            limit?: number | null;
            /** Name */
            name: string;
            /** Passed */
            passed: boolean;
            /** Reason */
            reason: string;
            /** Value */
            value?: number | null;
        };
        /**
         * Gpu
         * @description A GPU.
         */
        Gpu: {
            /** Memory Bytes */
            memory_bytes: number;
            /** Name */
            name: string;
        };
        /**
         * GpuUse
         * @description A GPU and how busy it is.
         */
        GpuUse: {
            /** Memory Bytes */
            memory_bytes: number;
            /** Name */
            name: string;
            /** Percent */
            percent: number;
            /** Used Bytes */
            used_bytes: number;
        };
        /** HTTPValidationError */
        HTTPValidationError: {
            /** Detail */
            detail?: components["schemas"]["ValidationError"][];
        };
        /**
         * Hardware
         * @description The machine of the control plane, and ``now``, how busy it is.
         */
        Hardware: {
            /** Cores */
            cores: number;
            /** Disk Free Bytes */
            disk_free_bytes: number;
            /** Gpus */
            gpus: components["schemas"]["Gpu"][];
            /** Machine */
            machine: string;
            /** Memory Bytes */
            memory_bytes: number;
            /** Memory Free Bytes */
            memory_free_bytes: number;
            now: components["schemas"]["MachineUse"];
            /** Processor */
            processor: string;
            /** Python */
            python: string;
            /** System */
            system: string;
        };
        /**
         * HarmHistory
         * @description Running evidence of a case; either side has to reach ``bar``.
         */
        HarmHistory: {
            /** Bar */
            bar: number | null;
            /** Margin */
            margin: number | null;
            /** Points */
            points: components["schemas"]["HarmPoint"][];
        };
        /**
         * HarmPoint
         * @description Evidence after ``labels`` labels, ``wrong`` of them answered wrongly by the model.
         */
        HarmPoint: {
            /** At */
            at: string | null;
            /** E Harm */
            e_harm: number;
            /** E Harmless */
            e_harmless: number;
            /** Label */
            label: string | null;
            /** Labels */
            labels: number;
            /** Predicted */
            predicted: string | null;
            /**
             * Verdict
             * @enum {string}
             */
            verdict: "harmful" | "harmless" | "undecided";
            /** Wrong */
            wrong: number;
        };
        /**
         * Health
         * @description That the control plane answers, and where its inference server is.
         */
        Health: {
            /** Inference Url */
            inference_url: string;
            /** Projects */
            projects?: string[];
            /** Status */
            status: string;
            /** Version */
            version: string;
            /** Workspace */
            workspace: string;
        };
        /**
         * HistoryPoint
         * @description The monitor at one moment; e-value against threshold, accuracy with its band.
         */
        HistoryPoint: {
            /** Accuracy */
            accuracy: number | null;
            /** Accuracy High */
            accuracy_high: number | null;
            /** Accuracy Low */
            accuracy_low: number | null;
            /** At */
            at: string;
            /** Calibrating */
            calibrating: boolean;
            /** Classes */
            classes: {
                [key: string]: number;
            };
            /** Confidence */
            confidence: number | null;
            /** E Value */
            e_value: number | null;
            /** Images */
            images: number;
            /** Images Per Second */
            images_per_second: number | null;
            /** Model */
            model: string;
            /** P50 Ms */
            p50_ms: number | null;
            /** P99 Ms */
            p99_ms: number | null;
            /** Rows */
            rows: number;
            /** Threshold */
            threshold: number;
        };
        /**
         * ImageFacts
         * @description What one look at an image's bytes tells.
         *
         *     ``width`` and ``height`` are pixels after the EXIF orientation is applied. ``phash`` is a
         *     64-bit perceptual hash as 16 hex digits. ``brightness``, ``contrast`` in grey levels 0..255
         *     (mean, standard deviation), ``blur`` is the variance of the Laplacian (small = blurred),
         *     ``entropy`` in bits.
         */
        ImageFacts: {
            /** Blur */
            blur: number;
            /** Brightness */
            brightness: number;
            /** Contrast */
            contrast: number;
            /** Entropy */
            entropy: number;
            /** Format */
            format: string;
            /** Height */
            height: number;
            /** Orientation */
            orientation: number;
            /** Phash */
            phash: string;
            /** Width */
            width: number;
        };
        /**
         * ImageSampling
         * @description Which request images the server keeps.
         *
         *     Every image is kept with probability ``rate`` until ``max_megabytes_per_minute`` is reached;
         *     beyond that with what the budget allows. The probability is written into each log row.
         */
        ImageSampling: {
            /**
             * Max Megabytes Per Minute
             * @default 256
             */
            max_megabytes_per_minute: number;
            /**
             * Rate
             * @default 1
             */
            rate: number;
        };
        /**
         * ImportReport
         * @description How an import ended: nothing is dropped without a line here.
         */
        ImportReport: {
            /** Accepted */
            accepted: number;
            /** Duplicates */
            duplicates: number;
            /** Format */
            format: string;
            /** Labelled */
            labelled: number;
            /**
             * Notices
             * @default []
             */
            notices: string[];
            /** Project */
            project: string;
            /**
             * Seconds
             * @default 0
             */
            seconds: number;
            /** Skipped */
            skipped: components["schemas"]["Skipped"][];
            /** Unchanged */
            unchanged: number;
            /** Unmatched Labels */
            unmatched_labels: string[];
        };
        /**
         * ImportRequest
         * @description An import of a path on this machine.
         */
        ImportRequest: {
            /**
             * Count From
             * @default auto
             */
            count_from: string;
            /**
             * Drawn On
             * @default auto
             */
            drawn_on: string;
            /**
             * Empty
             * @default negative
             */
            empty: string;
            /** File Column */
            file_column?: string | null;
            /**
             * Format
             * @default auto
             */
            format: string;
            /** Group By */
            group_by?: string | null;
            /** Label Column */
            label_column?: string | null;
            /** Metadata */
            metadata?: string | null;
            /** Path */
            path: string;
            /** Root */
            root?: string | null;
            /** Split */
            split?: string | null;
        };
        /**
         * ImportUpload
         * @description How to import what was gathered; ``name`` is what it is called in the events.
         */
        ImportUpload: {
            /**
             * Count From
             * @default auto
             */
            count_from: string;
            /**
             * Drawn On
             * @default auto
             */
            drawn_on: string;
            /**
             * Empty
             * @default negative
             */
            empty: string;
            /**
             * Format
             * @default auto
             */
            format: string;
            /** Group By */
            group_by?: string | null;
            /**
             * Name
             * @default
             */
            name: string;
            /** Split */
            split?: string | null;
        };
        /**
         * LabelQuality
         * @description What QA found: of ``checked`` labels about ``estimated_errors`` are wrong.
         *
         *     Of boxes and masks, the labels of ``checked`` images have about ``estimated_errors`` faults.
         *     ``missing`` labelled images could not be looked at by the model ``model``. ``suspects`` come
         *     worst first.
         */
        LabelQuality: {
            /** Checked */
            checked: number;
            /** Confused */
            confused: components["schemas"]["Confused"][];
            /** Estimated Errors */
            estimated_errors: number;
            /** Missing */
            missing: number;
            /** Model */
            model: string;
            /** Project */
            project: string;
            /** Reviewed */
            reviewed: number;
            /** Suspects */
            suspects: components["schemas"]["Suspect"][];
        };
        /**
         * LabelQueue
         * @description A page of the queue; ``next_cursor`` is null at the end.
         */
        LabelQueue: {
            /** Items */
            items: components["schemas"]["LabelTaskToShow"][];
            /** Next Cursor */
            next_cursor: string | null;
        };
        /**
         * LabelSamples
         * @description A class for some images, and who says so.
         */
        LabelSamples: {
            /**
             * Author
             * @default
             */
            author: string;
            /** Keys */
            keys: string[];
            /** Label */
            label: string;
        };
        /**
         * LabelShare
         * @description An annotator's share of the queue.
         *
         *     Of the questions that nobody answered, ``mine`` are leased to the annotator, ``others`` to other
         *     people, ``open`` to nobody; ``items`` are some of ``mine``.
         */
        LabelShare: {
            /** Items */
            items: components["schemas"]["LabelTaskToShow"][];
            /** Mine */
            mine: number;
            /** Open */
            open: number;
            /** Others */
            others: number;
        };
        /**
         * LabelStats
         * @description Counts of tasks by state, of labels in force by class and by author.
         */
        LabelStats: {
            /** Authors */
            authors: {
                [key: string]: number;
            };
            /** Classes */
            classes: {
                [key: string]: number;
            };
            /** Tasks */
            tasks: {
                [key: string]: number;
            };
        };
        /**
         * LabelTaskToShow
         * @description A question to an annotator, with the address of its image.
         *
         *     ``seen`` is the annotation in force now (0: none), to be sent back with the answer; ``label``
         *     its class.
         */
        LabelTaskToShow: {
            /** Assignee */
            assignee?: string | null;
            /** Case */
            case?: string | null;
            /** Disagreement */
            disagreement?: number | null;
            /** Id */
            id: string;
            /**
             * Image Url
             * @default
             */
            image_url: string;
            /** Key */
            key: string;
            /** Label */
            label?: string | null;
            /** Opinion */
            opinion?: string | null;
            /** Opinion Confidence */
            opinion_confidence?: number | null;
            /** Priority */
            priority: number;
            /** Project */
            project: string;
            /** Propensity */
            propensity?: number | null;
            /** Purpose */
            purpose: string;
            /** Reason */
            reason: string;
            /**
             * Seen
             * @default 0
             */
            seen: number;
            /**
             * Set Aside
             * @default
             */
            set_aside: string;
            /** Sha256 */
            sha256: string;
            /**
             * State
             * @enum {string}
             */
            state: "open" | "leased" | "done" | "skipped" | "cancelled";
            /** Suggested By */
            suggested_by?: string | null;
            suggested_shapes?: components["schemas"]["Shapes"] | null;
            /** Suggestion */
            suggestion?: string | null;
            /** Suggestion Confidence */
            suggestion_confidence?: number | null;
        };
        /**
         * Latency
         * @description Milliseconds: half of the answers are faster than ``p50_ms``, 99 of 100 than ``p99_ms``.
         */
        Latency: {
            /** P50 Ms */
            p50_ms: number;
            /** P90 Ms */
            p90_ms: number;
            /** P99 Ms */
            p99_ms: number;
        };
        /**
         * LatestPrediction
         * @description A logged prediction; ``image`` says whether its picture was kept.
         */
        LatestPrediction: {
            /** At */
            at: string;
            /** Confidence */
            confidence: number;
            /** Id */
            id: string;
            /** Image */
            image: boolean;
            /** Label */
            label: string;
            /** Latency Ms */
            latency_ms: number;
            /** Model */
            model: string;
            /**
             * Role
             * @enum {string}
             */
            role: "champion" | "canary" | "shadow";
        };
        /**
         * Leaver
         * @description Who gives back what is leased: all of it, or these tasks.
         */
        Leaver: {
            /** Annotator */
            annotator: string;
            /** Tasks */
            tasks?: string[] | null;
        };
        /**
         * LineageOfPrediction
         * @description From a prediction back to model, run, version, labels, people and case.
         */
        LineageOfPrediction: {
            /** Aliases */
            aliases: {
                [key: string]: unknown;
            }[];
            /** Answered */
            answered: {
                [key: string]: unknown;
            }[];
            /** Asked */
            asked: {
                [key: string]: unknown;
            }[];
            /** Authors */
            authors: {
                [key: string]: number;
            };
            /** Case */
            case: {
                [key: string]: unknown;
            } | null;
            /** Label */
            label: string;
            /** Labels */
            labels: {
                [key: string]: unknown;
            }[];
            /** Model */
            model: {
                [key: string]: unknown;
            };
            /** Parents */
            parents: unknown[];
            /** Prediction */
            prediction: {
                [key: string]: unknown;
            };
            /** Run */
            run: {
                [key: string]: unknown;
            } | null;
            /** Signal */
            signal: {
                [key: string]: unknown;
            } | null;
            /** Version */
            version: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * LoopStatus
         * @description Where the loop stands and who must act.
         */
        LoopStatus: {
            /** Case */
            case: string | null;
            /** Cases Closed */
            cases_closed: number;
            /** Challenger */
            challenger: string | null;
            /** Champion */
            champion: string | null;
            /** Doing */
            doing: string;
            /** Frozen */
            frozen: string;
            /** Paused */
            paused: boolean;
            /** Project */
            project: string;
            /** Promotions */
            promotions: number;
            /** Stage */
            stage: ("diagnose" | "verdict" | "collect" | "train" | "shadow" | "canary" | "promote" | "closed") | null;
            /** Waiting For */
            waiting_for: string;
        };
        /**
         * Loss
         * @description Something of a version that a format does not hold as it is.
         *
         *     ``becomes`` says what is written instead, empty where it is left out. ``count`` shapes (or
         *     images) in ``images`` images, for example in ``example``.
         */
        Loss: {
            /**
             * Becomes
             * @default
             */
            becomes: string;
            /** Count */
            count: number;
            /** Example */
            example: string;
            /** Images */
            images: number;
            /** What */
            what: string;
        };
        /**
         * MachineUse
         * @description How busy a machine is.
         */
        MachineUse: {
            /** Cpu Percent */
            cpu_percent: number;
            /** Disk Free Bytes */
            disk_free_bytes: number;
            /** Gpus */
            gpus: components["schemas"]["GpuUse"][];
            /** Memory Bytes */
            memory_bytes: number;
            /** Memory Used Bytes */
            memory_used_bytes: number;
        };
        /**
         * Mask
         * @description Single pixels of an image of ``height`` x ``width``, at least one of them.
         *
         *     ``counts`` is COCO's compressed run-length string: column by column, beginning with a run of
         *     pixels outside (:mod:`autofocus.types.rle` reads and writes it).
         */
        Mask: {
            /** Counts */
            counts: string;
            /** Height */
            height: number;
            /**
             * Kind
             * @default mask
             * @constant
             */
            kind: "mask";
            /** Width */
            width: number;
        };
        /**
         * Metric
         * @description A number with its interval; ``n`` images it rests on, ``slice`` empty for all.
         */
        Metric: {
            /** High */
            high?: number | null;
            /** Low */
            low?: number | null;
            /** N */
            n?: number | null;
            /** Name */
            name: string;
            /**
             * Slice
             * @default
             */
            slice: string;
            /** Value */
            value: number;
        };
        /**
         * Model
         * @description A registered model version of a project; ``id`` reads ``eyes-3``.
         */
        Model: {
            /**
             * Aliases
             * @default []
             */
            aliases: string[];
            /** Bundle */
            bundle: string;
            /** Case */
            case?: string | null;
            /** Created At */
            created_at: string;
            /** Id */
            id: string;
            /** Metrics */
            metrics?: {
                [key: string]: number;
            };
            /** Number */
            number: number;
            /** Parent */
            parent?: string | null;
            /** Project */
            project: string;
            /** Run */
            run: string | null;
            /** Version */
            version: string;
            /** Weights Digest */
            weights_digest: string;
        };
        /**
         * ModelDetails
         * @description One model with where it comes from and what was measured on it.
         */
        ModelDetails: {
            /** Lineage */
            lineage: {
                [key: string]: unknown;
            };
            model: components["schemas"]["Model"];
            /** Reports */
            reports: components["schemas"]["Report"][];
        };
        /**
         * MonitorStatus
         * @description Evidence of change against the alarm line, estimated accuracy, traffic.
         *
         *     Before the first champion only ``project``, ``model`` and ``estimate`` are there.
         */
        MonitorStatus: {
            /**
             * Alarmed
             * @default false
             */
            alarmed: boolean;
            /**
             * Block
             * @default 1
             */
            block: number;
            /**
             * Calibrating
             * @default false
             */
            calibrating: boolean;
            /**
             * Calibration Needed
             * @default 0
             */
            calibration_needed: number;
            /**
             * Change At
             * @default 0
             */
            change_at: number;
            /** Classes */
            classes?: {
                [key: string]: number;
            };
            /** Confidence */
            confidence?: number | null;
            /**
             * Dependent
             * @default false
             */
            dependent: boolean;
            /** E Value */
            e_value?: number | null;
            estimate?: components["schemas"]["AccuracyEstimate"] | null;
            /**
             * Generation
             * @default 0
             */
            generation: number;
            /**
             * Images
             * @default 0
             */
            images: number;
            /** Images Per Second */
            images_per_second?: number | null;
            /**
             * Leading Score
             * @default
             */
            leading_score: string;
            /** Log E Value */
            log_e_value?: number | null;
            /** Log Threshold */
            log_threshold?: number | null;
            /** Mode */
            mode?: ("pfa" | "arl") | null;
            /** Model */
            model?: string | null;
            /** P50 Ms */
            p50_ms?: number | null;
            /** P99 Ms */
            p99_ms?: number | null;
            /** Project */
            project: string;
            /**
             * Reference
             * @default false
             */
            reference: boolean;
            /**
             * Rows
             * @default 0
             */
            rows: number;
            /** Scores */
            scores?: {
                [key: string]: number;
            };
            /**
             * Servers
             * @default []
             */
            servers: unknown[];
            signal?: components["schemas"]["Signal"] | null;
            /** Threshold */
            threshold?: number | null;
            /** Updated At */
            updated_at?: string | null;
        };
        /**
         * MoveSamples
         * @description A split for some images.
         */
        MoveSamples: {
            /** Keys */
            keys: string[];
            /**
             * Split
             * @enum {string}
             */
            split: "train" | "val" | "test" | "pool";
        };
        /**
         * NewProject
         * @description A project to make.
         */
        NewProject: {
            /** Background */
            background?: string[];
            /** Classes */
            classes: string[];
            /** Name */
            name: string;
            /**
             * Policy
             * @default
             */
            policy: string;
            /**
             * Task
             * @default classification
             */
            task: string;
        };
        /**
         * NextRequest
         * @description Who wants a task, and of which case.
         */
        NextRequest: {
            /** Annotator */
            annotator: string;
            /** Case */
            case?: string | null;
        };
        /**
         * Overview
         * @description A project at a glance.
         */
        Overview: {
            /** Background */
            background: string[];
            /** Classes */
            classes: string[];
            /** Created At */
            created_at: string;
            deployment: components["schemas"]["Deployment"] | null;
            /** Frozen */
            frozen: string;
            labels: components["schemas"]["LabelStats"];
            loop: components["schemas"]["LoopStatus"];
            monitor: components["schemas"]["MonitorStatus"];
            /** Name */
            name: string;
            /** Paused */
            paused: boolean;
            /** Revision */
            revision: number;
            /** Servers */
            servers: components["schemas"]["ServerStatus"][];
            /** Task */
            task: string;
        };
        /**
         * PolicyChange
         * @description Who changed the policy when and why, and which fields.
         */
        PolicyChange: {
            /** At */
            at: string;
            /** Author */
            author: string;
            /**
             * Changes
             * @default []
             */
            changes: {
                [key: string]: unknown;
            }[];
            /** Why */
            why: string;
            /** Yaml */
            yaml: string;
        };
        /**
         * PolicyChanges
         * @description Fields to set, each value written as YAML; an empty one restores the default.
         */
        PolicyChanges: {
            /** Changes */
            changes: {
                [key: string]: string;
            };
            /**
             * Who
             * @default
             */
            who: string;
            /**
             * Why
             * @default
             */
            why: string;
        };
        /**
         * PolicyField
         * @description One field: its value in force and its default, and ``means`` in plain words.
         */
        PolicyField: {
            /**
             * Choices
             * @default []
             */
            choices: string[];
            /** Default */
            default: unknown;
            /** Field */
            field: string;
            /** Means */
            means: string;
            /** Value */
            value: unknown;
        };
        /**
         * PolicyInForce
         * @description The policy as it was written, with every default, and field by field.
         */
        PolicyInForce: {
            /** Complete */
            complete: string;
            /** Sections */
            sections: components["schemas"]["PolicySection"][];
            /** Yaml */
            yaml: string;
        };
        /**
         * PolicySection
         * @description A part of the policy.
         */
        PolicySection: {
            /** Fields */
            fields: components["schemas"]["PolicyField"][];
            /** Means */
            means: string;
            /** Name */
            name: string;
        };
        /**
         * PolicyText
         * @description A policy as YAML, and who writes it why.
         */
        PolicyText: {
            /**
             * Author
             * @default
             */
            author: string;
            /**
             * Why
             * @default
             */
            why: string;
            /** Yaml */
            yaml: string;
        };
        /**
         * Polygon
         * @description The union of closed outlines, each of three points or more; holes need a :class:`Mask`.
         *
         *     ``parts`` hold points (x, y) in pixels; an object that something hides in the middle has two.
         */
        Polygon: {
            /**
             * Kind
             * @default polygon
             * @constant
             */
            kind: "polygon";
            /** Parts */
            parts: [
                number,
                number
            ][][];
        };
        /**
         * Renewal
         * @description Who keeps what is leased, and for how long.
         */
        Renewal: {
            /** Annotator */
            annotator: string;
            /**
             * Lease Seconds
             * @default 600
             */
            lease_seconds: number;
        };
        /**
         * Report
         * @description The outcome of an evaluation or test: metrics, gates, tables; passes if all gates pass.
         *
         *     ``confusion`` is (classes x classes), rows are the truth; of boxes and masks with one more of
         *     each, for nothing. ``failures`` lists some wrongly answered images as {key, sha256, truth,
         *     predicted, confidence}; of boxes and masks also {loss, height, width, errors, mistakes}, where a
         *     mistake has its kind, both classes and both geometries.
         */
        Report: {
            /** Classes */
            classes: string[];
            /**
             * Confusion
             * @default []
             */
            confusion: number[][];
            /** Details */
            details?: {
                [key: string]: unknown;
            };
            /**
             * Failures
             * @default []
             */
            failures: {
                [key: string]: unknown;
            }[];
            /** Gates */
            gates: components["schemas"]["Gate"][];
            /** Kind */
            kind: string;
            /** Metrics */
            metrics: components["schemas"]["Metric"][];
            /** Project */
            project: string;
            /** Subject */
            subject: string;
        };
        /**
         * ReviewAsked
         * @description How many questions are new in the queue.
         */
        ReviewAsked: {
            /** Asked */
            asked: number;
        };
        /**
         * ReviewRequest
         * @description How many of the worst labels are to be reviewed.
         */
        ReviewRequest: {
            /**
             * Limit
             * @default 100
             */
            limit: number;
        };
        /**
         * Run
         * @description One execution of a RunSpec.
         */
        Run: {
            /** Bundle */
            bundle?: string | null;
            /** Case */
            case?: string | null;
            /** Created At */
            created_at: string;
            /** Environment */
            environment?: {
                [key: string]: unknown;
            };
            /** Error */
            error?: string | null;
            /** Finished At */
            finished_at?: string | null;
            /** Hardware */
            hardware?: {
                [key: string]: unknown;
            };
            /** Id */
            id: string;
            /** Project */
            project: string;
            spec: components["schemas"]["RunSpec"];
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "done" | "failed" | "cancelled";
            /** Weights Digest */
            weights_digest?: string | null;
        };
        /**
         * RunProgress
         * @description A training run, how many of its steps are done, and each metric's points [step, value].
         */
        RunProgress: {
            /** Curves */
            curves: {
                [key: string]: number[][];
            };
            /** Done */
            done: number;
            run: components["schemas"]["Run"];
            /** Steps */
            steps: number;
        };
        /**
         * RunRequest
         * @description A training run to start.
         */
        RunRequest: {
            /**
             * Architecture
             * @default compact
             */
            architecture: string;
            /** From Model */
            from_model?: string | null;
            /** Parameters */
            parameters?: {
                [key: string]: unknown;
            };
            /**
             * Seed
             * @default 0
             */
            seed: number;
            /**
             * Version
             * @default latest
             */
            version: string;
        };
        /**
         * RunSpec
         * @description Everything that decides what a training run produces.
         *
         *     ``version`` is the digest of the dataset version, ``code`` names what computes (package
         *     version, git commit and digest of the diff where there is one), ``initial_bundle`` the bundle
         *     that fine-tuning starts from, ``threads`` the number of CPU threads, which is part of what
         *     makes results bit-identical. ``background`` names the classes of segmentation that are areas
         *     (sky, road) and not countable objects.
         */
        RunSpec: {
            /** Architecture */
            architecture: string;
            /**
             * Background
             * @default []
             */
            background: string[];
            /** Classes */
            classes: string[];
            /** Code */
            code: {
                [key: string]: string;
            };
            /** Initial Bundle */
            initial_bundle?: string | null;
            /** Parameters */
            parameters: {
                [key: string]: unknown;
            };
            /** Project */
            project: string;
            /** Seed */
            seed: number;
            /**
             * Task
             * @enum {string}
             */
            task: "classification" | "detection" | "segmentation";
            /** Threads */
            threads: number;
            /** Version */
            version: string;
        };
        /**
         * Sample
         * @description One image of a project.
         *
         *     ``key`` is the relative path at import (or ``production/<prediction id>``), unique in the
         *     project; labels match by it. ``metadata`` holds flat user columns (camera, person, ...).
         */
        Sample: {
            facts: components["schemas"]["ImageFacts"];
            /** Key */
            key: string;
            /** Label */
            label?: components["schemas"]["Tag"] | components["schemas"]["Shapes"] | null;
            /** Metadata */
            metadata?: {
                [key: string]: string | number | boolean | null;
            };
            /** Project */
            project: string;
            /** Sha256 */
            sha256: string;
            /**
             * Source
             * @default import
             */
            source: string;
            /**
             * Split
             * @enum {string}
             */
            split: "train" | "val" | "test" | "pool";
        };
        /**
         * SampleIds
         * @description Images by the ids of a map.
         */
        SampleIds: {
            /** Ids */
            ids: number[];
        };
        /**
         * SaveAnnotation
         * @description A label to be put in force, and who says so.
         *
         *     ``seen`` is the id of the annotation that was looked at, 0 for none; ``request`` makes sending
         *     it twice harmless; ``seconds`` is the time it took.
         */
        SaveAnnotation: {
            /** Author */
            author: string;
            /** Label */
            label: components["schemas"]["Shapes"];
            /** Request */
            request: string;
            /** Seconds */
            seconds?: number | null;
            /** Seen */
            seen: number;
        };
        /**
         * ServerStatus
         * @description What an inference server says of itself, about once a second, into the object store.
         *
         *     ``applied`` maps project to the deployment revision in force, ``models`` maps model id to
         *     {requests, errors, p50_ms, p99_ms}; ``refused`` maps project to the reason a revision was not
         *     taken (the old one keeps serving). ``hardware`` has what the server runs on and uses of it:
         *     machine, cores, memory_bytes, rss_bytes, cpu_percent (100 is one core).
         */
        ServerStatus: {
            /** Applied */
            applied: {
                [key: string]: number;
            };
            /**
             * Failed
             * @default 0
             */
            failed: number;
            /** Hardware */
            hardware?: {
                [key: string]: unknown;
            };
            /** Heartbeat At */
            heartbeat_at: string;
            /**
             * Log Dropped
             * @default 0
             */
            log_dropped: number;
            /** Models */
            models: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /** Refused */
            refused?: {
                [key: string]: string;
            };
            /**
             * Requests
             * @default 0
             */
            requests: number;
            /** Server */
            server: string;
            /** Started At */
            started_at: string;
            /** Url */
            url: string;
        };
        /**
         * ServicePoint
         * @description ``requests`` and ``failed`` of all servers in the ``seconds`` before ``at``.
         */
        ServicePoint: {
            /** At */
            at: string;
            /** Failed */
            failed: number;
            machine: components["schemas"]["MachineUse"];
            /** Requests */
            requests: number;
            /** Seconds */
            seconds: number;
            /** Servers */
            servers: {
                [key: string]: unknown;
            }[];
        };
        /**
         * SettingInForce
         * @description A setting, and where its value comes from: ``default``, ``settings.yaml``, the name of
         *     the variable of the environment, or ``the command line``.
         */
        SettingInForce: {
            /** Means */
            means: string;
            /** Name */
            name: string;
            /** Source */
            source: string;
            /** Value */
            value: string | number;
        };
        /**
         * SettingsInForce
         * @description The workspace, its settings with their sources, and versions of the libraries.
         */
        SettingsInForce: {
            /** Libraries */
            libraries?: {
                [key: string]: string;
            };
            /** Settings */
            settings: components["schemas"]["SettingInForce"][];
            /** Workspace */
            workspace: string;
        };
        /**
         * Shape
         * @description One object in an image: its class, where it is, and what else is known of it.
         *
         *     ``id`` is unique in the image and stays when the shape is edited. ``suggested_by`` names the
         *     model whose suggestion was accepted. ``crowd`` says that it outlines many objects as one, which
         *     an evaluation must not count as one (``iscrowd`` in COCO).
         */
        Shape: {
            /** Attributes */
            attributes?: {
                [key: string]: string | number | boolean | null;
            };
            /**
             * Crowd
             * @default false
             */
            crowd: boolean;
            /** Geometry */
            geometry: components["schemas"]["Box"] | components["schemas"]["Polygon"] | components["schemas"]["Mask"];
            /** Id */
            id: string;
            /** Label */
            label: string;
            /** Suggested By */
            suggested_by?: string | null;
        };
        /**
         * Shapes
         * @description The label of detection and segmentation: everything marked in one image.
         *
         *     The order is the order of drawing, the last one on top. No shapes at all says that somebody
         *     looked and there is nothing. ``tags`` are words about the whole image (``night``).
         */
        Shapes: {
            /**
             * Kind
             * @default shapes
             * @constant
             */
            kind: "shapes";
            /**
             * Shapes
             * @default []
             */
            shapes: components["schemas"]["Shape"][];
            /**
             * Tags
             * @default []
             */
            tags: string[];
        };
        /**
         * ShareRequest
         * @description Who wants how many tasks, of which kind and in which order, for how long.
         *
         *     With ``more`` only tasks come that the annotator does not have yet.
         */
        ShareRequest: {
            /** Annotator */
            annotator: string;
            /** Case */
            case?: string | null;
            /**
             * Kind
             * @default
             */
            kind: string;
            /**
             * Lease Seconds
             * @default 600
             */
            lease_seconds: number;
            /**
             * Limit
             * @default 200
             */
            limit: number;
            /**
             * More
             * @default false
             */
            more: boolean;
            /**
             * Order
             * @default useful
             */
            order: string;
        };
        /**
         * Signal
         * @description An alarm of the monitor, with its evidence.
         *
         *     ``e_value`` reached ``threshold``; ``at`` counts predictions of this model since its
         *     reference was taken, ``change_at`` is the estimate of where the change began on that count;
         *     ``first_prediction`` and ``last_prediction`` are the ids at these places.
         */
        Signal: {
            /** At */
            at: number;
            /** Change At */
            change_at: number;
            /** E Value */
            e_value: number;
            /** First Prediction */
            first_prediction: string;
            /** Last Prediction */
            last_prediction: string;
            /** Leading Score */
            leading_score: string;
            /**
             * Mode
             * @enum {string}
             */
            mode: "pfa" | "arl";
            /** Model */
            model: string;
            /** Project */
            project: string;
            /** Scores */
            scores: {
                [key: string]: number;
            };
            /** Threshold */
            threshold: number;
        };
        /**
         * SimilarSample
         * @description An image and the cosine of its embedding to the nearest one asked for, -1..1.
         */
        SimilarSample: {
            sample: components["schemas"]["Sample"];
            /** Similarity */
            similarity: number;
        };
        /**
         * SimilarSamples
         * @description The images most similar to any of ``keys``, the most similar first, among those that were
         *     looked at.
         */
        SimilarSamples: {
            /** Items */
            items: components["schemas"]["SimilarSample"][];
            /** Keys */
            keys: string[];
            status: components["schemas"]["EmbeddingStatus"];
        };
        /**
         * Skip
         * @description Why a task cannot be answered.
         */
        Skip: {
            /** Author */
            author: string;
            /**
             * Reason
             * @default unsure
             */
            reason: string;
            /** Task */
            task: string;
        };
        /**
         * Skipped
         * @description A file that an import did not take, and why.
         */
        Skipped: {
            /** Code */
            code: string;
            /** Path */
            path: string;
            /** Reason */
            reason: string;
        };
        /**
         * StoredEvent
         * @description Something that happened: ``what`` in one plain sentence.
         */
        StoredEvent: {
            /** Actor */
            actor: string;
            /** At */
            at: string;
            /** Body */
            body: {
                [key: string]: unknown;
            };
            /** Cause */
            cause: string;
            /** Id */
            id: number;
            /** Key */
            key: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "project.created" | "policy.changed" | "data.imported" | "data.committed" | "data.deleted" | "labels.requested" | "labels.answered" | "labels.suggested" | "assistant.trained" | "run.started" | "run.finished" | "run.failed" | "model.registered" | "model.tested" | "alias.moved" | "deployment.changed" | "monitor.reference_taken" | "monitor.signal" | "case.opened" | "case.stage" | "case.waiting" | "case.decided" | "case.closed" | "loop.paused" | "loop.resumed" | "loop.frozen" | "approval.given" | "approval.refused";
            /** Project */
            project: string;
            /** Subject */
            subject: string;
            /** What */
            what: string;
        };
        /**
         * SuggestedShape
         * @description A shape as it would be saved, and how sure the model is of it (0 to 1).
         */
        SuggestedShape: {
            /** Score */
            score: number;
            shape: components["schemas"]["Shape"];
        };
        /**
         * Suggestions
         * @description What ``model`` sees in an image, the surest first; ``reason`` says why there is nothing.
         */
        Suggestions: {
            /** Key */
            key: string;
            /**
             * Model
             * @default
             */
            model: string;
            /**
             * Reason
             * @default
             */
            reason: string;
            /**
             * Shapes
             * @default []
             */
            shapes: components["schemas"]["SuggestedShape"][];
        };
        /**
         * Suspect
         * @description A label that the data contradicts.
         *
         *     ``confidence`` is the out-of-sample probability of ``suggested``, ``score`` that less the
         *     probability of ``given``, -1 .. 1. ``reviewed``: a person looked at it and kept it.
         *     ``question`` names the question whether it is right. Of boxes and masks ``findings`` says where
         *     label and model differ, ``suggested`` the same in words, ``confidence`` is that of the surest
         *     finding and ``score`` the sum of their gains: about how many faults a look mends.
         */
        Suspect: {
            /** Author */
            author: string;
            /** Confidence */
            confidence: number;
            /**
             * Findings
             * @default []
             */
            findings: components["schemas"]["Finding"][];
            /** Given */
            given: string;
            /** Key */
            key: string;
            /** Question */
            question: string;
            /**
             * Reviewed
             * @default false
             */
            reviewed: boolean;
            /** Score */
            score: number;
            /** Sha256 */
            sha256: string;
            /** Suggested */
            suggested: string;
        };
        /**
         * Tag
         * @description The label of classification: one class for the whole image.
         */
        Tag: {
            /**
             * Kind
             * @default tag
             * @constant
             */
            kind: "tag";
            /** Label */
            label: string;
        };
        /**
         * TakeBack
         * @description Which task is to be open again, and who says so.
         */
        TakeBack: {
            /** Author */
            author: string;
            /** Task */
            task: string;
        };
        /**
         * TimelinePoint
         * @description A point of the long history; ``generation`` counts the references of its model.
         */
        TimelinePoint: {
            /** Accuracy */
            accuracy: number | null;
            /** Accuracy High */
            accuracy_high: number | null;
            /** Accuracy Low */
            accuracy_low: number | null;
            /** At */
            at: string;
            /** Calibrating */
            calibrating: boolean;
            /** Classes */
            classes: {
                [key: string]: number;
            };
            /** Confidence */
            confidence: number | null;
            /** E Value */
            e_value: number | null;
            /** Generation */
            generation: number;
            /** Images */
            images: number;
            /** Images Per Second */
            images_per_second: number | null;
            /** Model */
            model: string;
            /** P50 Ms */
            p50_ms: number | null;
            /** P99 Ms */
            p99_ms: number | null;
            /** Rows */
            rows: number;
            /** Threshold */
            threshold: number;
        };
        /**
         * Traffic
         * @description The newest answers, by role, model and class, and in slices, the oldest first.
         */
        Traffic: {
            /** Classes */
            classes: {
                [key: string]: number;
            };
            latency: components["schemas"]["Latency"] | null;
            /** Models */
            models: {
                [key: string]: number;
            };
            /** Per Second */
            per_second: number | null;
            /** Roles */
            roles: {
                [key: string]: number;
            };
            /** Rows */
            rows: number;
            /** Served */
            served: number;
            /** Since */
            since: string | null;
            /** Slices */
            slices: components["schemas"]["TrafficSlice"][];
            /** Until */
            until: string | null;
        };
        /**
         * TrafficSlice
         * @description Consecutive answers by role; class mix and latency are of those that clients got.
         */
        TrafficSlice: {
            /** At */
            at: string;
            /** Classes */
            classes: {
                [key: string]: number;
            };
            latency: components["schemas"]["Latency"] | null;
            /** Roles */
            roles: {
                [key: string]: number;
            };
            /** Seconds */
            seconds: number;
        };
        /**
         * UploadStatus
         * @description Files on their way in: ``done`` of ``total`` images while they are imported.
         */
        UploadStatus: {
            /** Bytes */
            bytes: number;
            /**
             * Done
             * @default 0
             */
            done: number;
            /**
             * Error
             * @default
             */
            error: string;
            /** File Limit */
            file_limit: number;
            /** Files */
            files: number;
            /**
             * Hint
             * @default
             */
            hint: string;
            /** Id */
            id: string;
            report?: components["schemas"]["ImportReport"] | null;
            /**
             * State
             * @enum {string}
             */
            state: "gathering" | "importing" | "done" | "failed";
            /**
             * Total
             * @default 0
             */
            total: number;
            /** Total Limit */
            total_limit: number;
        };
        /** ValidationError */
        ValidationError: {
            /** Context */
            ctx?: Record<string, never>;
            /** Input */
            input?: unknown;
            /** Location */
            loc: (string | number)[];
            /** Message */
            msg: string;
            /** Error Type */
            type: string;
        };
        /**
         * Version
         * @description A frozen dataset: named by an order-independent digest of content, never changed.
         *
         *     ``counts`` maps ``split`` to ``class`` to number of images: "" for those without a label,
         *     "(none)" for those that were looked at and hold nothing. An image with shapes of two classes
         *     counts in both; ``images`` has the number of images by split.
         */
        Version: {
            /** Author */
            author: string;
            /** Counts */
            counts: {
                [key: string]: {
                    [key: string]: number;
                };
            };
            /** Created At */
            created_at: string;
            /** Digest */
            digest: string;
            /** Images */
            images: {
                [key: string]: number;
            };
            /** Message */
            message: string;
            /** Number */
            number: number;
            /** Parent */
            parent: string | null;
            /** Project */
            project: string;
            /** Revision */
            revision: number;
        };
        /**
         * VersionChange
         * @description One line of a diff between two versions.
         */
        VersionChange: {
            /** After */
            after?: string | null;
            /** Before */
            before?: string | null;
            /**
             * Change
             * @enum {string}
             */
            change: "added" | "removed" | "relabelled" | "moved" | "replaced";
            /** Key */
            key: string;
            /** Sha256 */
            sha256: string;
        };
        /**
         * Work
         * @description Work in the background: whether it goes on, and what was wrong the last time.
         */
        Work: {
            /** Error */
            error: string;
            /** Running */
            running: boolean;
        };
        /**
         * Decision
         * @description Who decides, and why; both are kept on record.
         */
        autofocus__api__cases__Decision: {
            /** Who */
            who: string;
            /**
             * Why
             * @default
             */
            why: string;
        };
        /**
         * Decision
         * @description Who decides, and why; both are kept on record.
         */
        autofocus__api__models__Decision: {
            /** Who */
            who: string;
            /** Why */
            why: string;
        };
        /**
         * Decision
         * @description One decision about one task.
         *
         *     ``seen`` is the id of the annotation that was in force when the annotator looked, 0 for none;
         *     None asks for no check. ``seconds`` is the time it took.
         */
        autofocus__labels__batch__Decision: {
            /**
             * Do
             * @default answer
             * @enum {string}
             */
            do: "answer" | "skip" | "reopen";
            /** Label */
            label?: string | null;
            /**
             * Reason
             * @default unsure
             */
            reason: string;
            /** Seconds */
            seconds?: number | null;
            /** Seen */
            seen?: number | null;
            /** Task */
            task: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    events_api_events_get: {
        parameters: {
            query?: {
                project?: string | null;
                after?: number;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    latest_events_api_events_latest_get: {
        parameters: {
            query?: {
                project?: string | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoredEvent"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    stream_api_events_stream_get: {
        parameters: {
            query?: {
                project?: string | null;
                after?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    hardware_api_hardware_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hardware"];
                };
            };
        };
    };
    health_api_health_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    check_api_policy_check_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyText"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FieldProblem"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    prediction_api_predictions__prediction__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                prediction: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    lineage_api_predictions__prediction__lineage_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                prediction: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LineageOfPrediction"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    list_projects_api_projects_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnsweredProject"][];
                };
            };
        };
    };
    create_project_api_projects_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProject"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    overview_api_projects__project__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    annotation_api_projects__project__annotations__key__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Annotation"] | null;
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    save_api_projects__project__annotations__key__put: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SaveAnnotation"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Annotation"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    cases_api_projects__project__cases_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Case"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    open_case_api_projects__project__cases_post: {
        parameters: {
            query?: {
                retrain?: boolean;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    case_api_projects__project__cases__case__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Case"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    approve_api_projects__project__cases__case__approve_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    cancel_api_projects__project__cases__case__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    drifted_api_projects__project__cases__case__drifted_png_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    duel_api_projects__project__cases__case__duel_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Duel"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    harm_api_projects__project__cases__case__harm_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HarmHistory"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    reject_api_projects__project__cases__case__reject_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                case: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    changes_api_projects__project__changes_get: {
        parameters: {
            query: {
                a: string;
                b: string;
                change?: string | null;
                offset?: number;
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Changes"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    data_tests_api_projects__project__data_tests_post: {
        parameters: {
            query?: {
                version?: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    deployment_api_projects__project__deployment_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deployment"] | null;
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    diff_api_projects__project__diff_get: {
        parameters: {
            query: {
                a: string;
                b: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    }[];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    embeddings_api_projects__project__embeddings_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Embedding"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    compute_embeddings_api_projects__project__embeddings_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Embedding"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    export_formats_api_projects__project__export_formats_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string[];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    facets_api_projects__project__facets_get: {
        parameters: {
            query?: {
                q?: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Facets"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    add_image_api_projects__project__images_post: {
        parameters: {
            query: {
                key: string;
                split?: string;
                label?: string | null;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    image_api_projects__project__images__sha256__get: {
        parameters: {
            query?: {
                size?: number | null;
            };
            header?: never;
            path: {
                sha256: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    import_path_api_projects__project__import_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    agreement_api_projects__project__labels_agreement_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Agreement"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    answer_api_projects__project__labels_answer_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Answer"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Annotation"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    ask_api_projects__project__labels_ask_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AskRequest"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Asked"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    assistant_api_projects__project__labels_assistant_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AssistantStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    train_assistant_api_projects__project__labels_assistant_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AssistantStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    batch_api_projects__project__labels_batch_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Batch"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Decided"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    history_api_projects__project__labels_history_get: {
        parameters: {
            query: {
                key: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    }[];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    lease_api_projects__project__labels_lease_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ShareRequest"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelShare"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    next_task_api_projects__project__labels_next_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NextRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    quality_api_projects__project__labels_quality_get: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelQuality"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    queue_api_projects__project__labels_queue_get: {
        parameters: {
            query?: {
                state?: string;
                case?: string | null;
                kind?: string;
                order?: string;
                cursor?: string | null;
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelQueue"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    release_api_projects__project__labels_release_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Leaver"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    renew_api_projects__project__labels_renew_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Renewal"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    reopen_api_projects__project__labels_reopen_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TakeBack"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelTaskToShow"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    review_api_projects__project__labels_review_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReviewRequest"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReviewAsked"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    skip_api_projects__project__labels_skip_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Skip"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    stats_api_projects__project__labels_stats_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LabelStats"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    status_api_projects__project__loop_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LoopStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    pause_api_projects__project__loop_pause_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    resume_api_projects__project__loop_resume_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__cases__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    image_map_api_projects__project__map_get: {
        parameters: {
            query?: {
                q?: string;
                most?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    models_api_projects__project__models_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    model_api_projects__project__models__model__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelDetails"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    promote_api_projects__project__models__model__promote_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__models__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    state_of_test_api_projects__project__models__model__test_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                model: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Work"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    start_test_api_projects__project__models__model__test_post: {
        parameters: {
            query?: {
                champion?: string | null;
            };
            header?: never;
            path: {
                model: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Work"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    status_api_projects__project__monitor_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MonitorStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    history_api_projects__project__monitor_history_get: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryPoint"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    timeline_api_projects__project__monitor_timeline_get: {
        parameters: {
            query?: {
                points?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TimelinePoint"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    get_policy_api_projects__project__policy_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyText"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    put_policy_api_projects__project__policy_put: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyText"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    policy_fields_api_projects__project__policy_fields_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyInForce"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    change_policy_api_projects__project__policy_fields_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyChanges"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    check_fields_api_projects__project__policy_fields_check_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyChanges"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FieldProblem"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    policy_history_api_projects__project__policy_history_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyChange"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    replace_policy_api_projects__project__policy_text_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PolicyText"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    predictions_api_projects__project__predictions_get: {
        parameters: {
            query?: {
                limit?: number;
                role?: ("champion" | "canary" | "shadow") | null;
                model?: string | null;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LatestPrediction"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    prediction_image_api_projects__project__predictions__prediction__image_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                prediction: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    rollback_api_projects__project__rollback_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["autofocus__api__models__Decision"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    runs_api_projects__project__runs_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    start_run_api_projects__project__runs_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RunRequest"];
            };
        };
        responses: {
            /** @description What was asked for. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    run_api_projects__project__runs__run__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    cancel_run_api_projects__project__runs__run__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    curves_api_projects__project__runs__run__curves_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    progress_api_projects__project__runs__run__progress_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                run: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunProgress"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    sample_api_projects__project__sample_get: {
        parameters: {
            query: {
                key: string;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sample"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    samples_api_projects__project__samples_get: {
        parameters: {
            query?: {
                split?: string | null;
                label?: string | null;
                source?: string | null;
                cursor?: string | null;
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    samples_by_id_api_projects__project__samples_by_id_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SampleIds"];
            };
        };
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sample"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    delete_samples_api_projects__project__samples_delete_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeleteSamples"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    label_samples_api_projects__project__samples_label_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LabelSamples"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    move_samples_api_projects__project__samples_split_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MoveSamples"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    search_api_projects__project__search_get: {
        parameters: {
            query?: {
                q?: string;
                sort?: string;
                limit?: number;
                cursor?: string | null;
                offset?: number;
                count?: boolean;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundSamples"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    servers_api_projects__project__servers_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    }[];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    signals_api_projects__project__signals_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Signal"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    similar_api_projects__project__similar_get: {
        parameters: {
            query?: {
                key?: string[];
                case?: string;
                q?: string;
                limit?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SimilarSamples"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    suggestions_api_projects__project__suggestions__key__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Suggestions"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    traffic_api_projects__project__traffic_get: {
        parameters: {
            query?: {
                rows?: number;
            };
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Traffic"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    begin_api_projects__project__uploads_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    status_api_projects__project__uploads__upload__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    discard_api_projects__project__uploads__upload__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    add_file_api_projects__project__uploads__upload__files_put: {
        parameters: {
            query: {
                path: string;
            };
            header?: never;
            path: {
                upload: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    start_import_api_projects__project__uploads__upload__import_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                upload: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportUpload"];
            };
        };
        responses: {
            /** @description What was asked for. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UploadStatus"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    versions_api_projects__project__versions_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    commit_api_projects__project__versions_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                project: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CommitRequest"];
            };
        };
        responses: {
            /** @description What was asked for. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Version"];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    export_api_projects__project__versions__version__export_get: {
        parameters: {
            query?: {
                format?: string;
            };
            header?: never;
            path: {
                version: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    not_carried_api_projects__project__versions__version__not_carried_get: {
        parameters: {
            query?: {
                format?: string;
            };
            header?: never;
            path: {
                version: string;
                project: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Loss"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    service_api_service_get: {
        parameters: {
            query?: {
                hours?: number;
                points?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServicePoint"][];
                };
            };
            /** @description Validation Error */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HTTPValidationError"];
                };
            };
        };
    };
    settings_api_settings_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was asked for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingsInForce"];
                };
            };
        };
    };
}
